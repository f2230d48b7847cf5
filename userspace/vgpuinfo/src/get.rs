// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo get`.

use vgpu::Vgpu;

use crate::fields::Field;
use crate::gather::{each, stale};
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
    each(selection, |device, report| {
        let value = match field.needs_info() && device.name().is_none() {
            // Read as a whole then, and it may be old.
            true => {
                let info = device.read(options.source())?;
                report.notes.extend(stale(device, &info));
                field.value(device, Some(&info))
            }
            false => field.read(device, options.source())?,
        };
        report.text.push_str(&value.text(""));
        report.text.push('\n');
        Ok(Object::from_iter([(field.name, value.json())]))
    })
}
