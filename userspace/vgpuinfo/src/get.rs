// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo get`.

use vgpu::Vgpu;

use crate::failure::Failure;
use crate::fields::Field;
use crate::gather::stale;
use crate::options::Options;
use crate::report::{Object, Report};
use crate::select::{Selector, select_one};

/// Prints the value of `field`, one line a device. A device that cannot be read
/// has no line.
pub(crate) fn get(
    found: Vec<Vgpu>,
    field: &Field,
    argument: Option<&Selector>,
    options: &Options,
) -> Report {
    let selection = match select_one(found, &options.selectors(argument)) {
        Ok(selection) => selection,
        Err(failure) => return Report::without_devices(failure),
    };
    let mut report = Report::default();
    let mut objects = Vec::new();
    for mut device in selection.devices {
        let read = match field.needs_info() && device.name().is_none() {
            // Read as a whole then, and it may be old.
            true => device.read(options.source()).map(|info| {
                report.notes.extend(stale(&device, &info));
                field.value(&device, Some(&info))
            }),
            false => field.read(&mut device, options.source()),
        };
        match read {
            Ok(value) if options.json => {
                objects.push(Object::from_iter([(field.name, value.json())]));
            }
            Ok(value) => {
                report.text.push_str(&value.text(""));
                report.text.push('\n');
            }
            Err(error) => {
                let failure = Failure::Device(device.label(), error);
                report.failures.push(failure);
            }
        }
    }
    report.devices = Some(objects);
    report.failures.extend(selection.missing);
    report
}
