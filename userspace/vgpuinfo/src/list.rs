// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo list`.

use vgpu::{Error, Info, Vgpu};

use crate::cli::Options;
use crate::failure::Failure;
use crate::fields::{FIELDS, Field};
use crate::output;
use crate::report::Report;
use crate::select::{Selector, select};

/// The columns of the list, by the names of their fields.
const COLUMNS: [&str; 7] = [
    "name", "pci", "pool_id", "priority", "vm_id", "status", "driver",
];

/// Lists the devices. One that cannot be read has its line all the same, with
/// what is known; one that vanished meanwhile has none.
pub(crate) fn list(found: Vec<Vgpu>, options: &Options) -> Report {
    let selectors = options.selectors(None);
    let selection = match select(found, &selectors) {
        Ok(selection) => selection,
        Err(failure) => return Report::without_devices(failure),
    };
    // Whoever asks for a device by its name wants to know that it vanished.
    let named = selectors.iter().any(|it| *it != Selector::All);
    let mut report = Report::default();
    let mut rows: Vec<(Vgpu, Option<Info>)> = Vec::new();
    for mut device in selection.devices {
        match device.read(options.source()) {
            Ok(info) => rows.push((device, Some(info))),
            Err(Error::Gone) if !named && !device.is_present() => {
                let note = format!("{}: {}", device.label(), Error::Gone);
                report.notes.push(note);
            }
            Err(error) => {
                let failure = Failure::Device(device.label(), error);
                report.failures.push(failure);
                rows.push((device, None));
            }
        }
    }
    if rows.is_empty() {
        return Report {
            notes: report.notes,
            ..Report::without_devices(Failure::NoDevice)
        };
    }
    report.failures.extend(selection.missing);
    report.text = text(&rows);
    report.devices = Some(
        rows.iter()
            .map(|(device, info)| {
                let values = FIELDS
                    .iter()
                    .map(|field| (field, field.value(device, info.as_ref()).json()));
                values
                    .map(|(field, value)| (field.name.into(), value))
                    .collect()
            })
            .collect(),
    );
    report
}

fn text(rows: &[(Vgpu, Option<Info>)]) -> String {
    let columns: Vec<&Field> = COLUMNS.into_iter().filter_map(Field::named).collect();
    let headings = columns.iter().map(|field| field.heading.into()).collect();
    let lines = rows.iter().map(|(device, info)| {
        let values = columns
            .iter()
            .map(|field| field.value(device, info.as_ref()));
        values.map(|value| value.text("-")).collect()
    });
    output::table(&std::iter::once(headings).chain(lines).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_field() {
        for name in COLUMNS {
            assert!(Field::named(name).is_some(), "{name}");
        }
    }
}
