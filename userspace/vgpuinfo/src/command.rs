// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo command`.

use std::time::Duration;

use serde_json::json;
use vgpu::{Completion, Source, Vgpu};

use crate::gather::each;
use crate::options::Options;
use crate::report::{Object, Report};
use crate::select::{Selector, select_one};

/// Submits `value`, to one device after the other.
pub(crate) fn command(
    found: Vec<Vgpu>,
    value: u32,
    argument: Option<&Selector>,
    timeout: Option<Duration>,
    options: &Options,
) -> Report {
    let selection = match select_one(found, &options.selectors(argument)) {
        Ok(selection) => selection,
        Err(failure) => return Report::without_devices(failure),
    };
    each(selection, |device, report| {
        let completion = device.submit(value, timeout, options.source())?;
        if timeout.is_some() && completion.source == Source::Sysfs {
            let note = "submitted through sysfs, which takes no timeout: \
                        the driver's own counted";
            report.notes.push(format!("{}: {note}", device.label()));
        }
        report.text.push_str(&line(device, &completion));
        Ok(object(device, &completion))
    })
}

fn line(device: &Vgpu, completion: &Completion) -> String {
    let label = device.label();
    let status = completion.status;
    match completion.result {
        Some(result) => format!("{label}: status {status:#010x}, result {result}\n"),
        None => format!("{label}: status {status:#010x}\n"),
    }
}

fn object(device: &Vgpu, completion: &Completion) -> Object {
    Object::from_iter([
        ("name", json!(device.name())),
        ("pci", json!(device.pci().to_string())),
        ("source", json!(completion.source.to_string())),
        ("command", json!(completion.command)),
        ("status", json!(completion.status)),
        ("result", json!(completion.result)),
        ("sequence", json!(completion.sequence)),
    ])
}
