// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo check`.

use serde_json::{Value as Json, json};
use vgpu::Vgpu;

use crate::failure::{Difference, Failure};
use crate::fields::{FIELDS, Field, Value};
use crate::format::Records;
use crate::gather::gather;
use crate::options::Options;
use crate::report::Report;

/// What the field of that name is expected to be.
pub(crate) type Expected = (&'static Field, Value);

/// Compares every device with what is expected of it.
pub(crate) fn check(found: Vec<Vgpu>, expected: &[Expected], options: &Options) -> Report {
    let (rows, mut report) = match gather(found, options, true) {
        Ok(gathered) => gathered,
        Err(report) => return *report,
    };
    let mut differences: Vec<Json> = Vec::new();
    let mut failures = Vec::new();
    // What could not be read is a failure already, and differs in nothing.
    for (device, info) in rows.iter().filter(|(_, info)| info.is_some()) {
        for (field, expected) in expected {
            let actual = field.value(device, info.as_ref());
            if actual == *expected {
                continue;
            }
            differences.push(json!({
                "name": device.name(),
                "pci": device.pci().to_string(),
                "field": field.name,
                "expected": expected.json(),
                "actual": actual.json(),
            }));
            failures.push(Failure::Mismatch(Difference {
                device: device.label(),
                field,
                expected: expected.clone(),
                actual,
            }));
        }
    }
    // Behind what could not be read, before names that were in vain.
    let place = report
        .failures
        .iter()
        .position(|it| matches!(it, Failure::SomeMissing(_)))
        .unwrap_or(report.failures.len());
    report.failures.splice(place..place, failures);
    let fields: Vec<&Field> = FIELDS.iter().collect();
    report.devices = Some(Records::new(&fields, &rows).objects());
    report.list = Some(("differences", differences));
    report
}
