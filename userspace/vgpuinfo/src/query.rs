// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo list` and `vgpuinfo query`: the same records, in a format of choice.

use vgpu::Vgpu;

use crate::fields::{FIELDS, Field};
use crate::format::{Format, Records};
use crate::gather::gather;
use crate::options::Options;
use crate::report::Report;
use crate::terminal::Terminal;

/// The columns of the list, by the names of their fields.
const COLUMNS: [&str; 7] = [
    "name", "pci", "pool_id", "priority", "vm_id", "status", "driver",
];

/// The same for a monitor, which wants everything that changes.
const METRICS: [&str; 11] = [
    "name",
    "pci",
    "pool_id",
    "priority",
    "vm_id",
    "driver",
    "command",
    "status",
    "config_generation",
    "age",
    "link",
];

/// Lists the devices.
pub(crate) fn list(found: Vec<Vgpu>, options: &Options) -> Report {
    let format = match options.json {
        true => Format::Json,
        false => Format::Table,
    };
    query(found, &[], format, true, options)
}

/// Shows `columns` of the devices, the usual ones of the format if there are
/// none.
pub(crate) fn query(
    found: Vec<Vgpu>,
    columns: &[&'static Field],
    format: Format,
    headings: bool,
    options: &Options,
) -> Report {
    let columns = columns_of(format, columns);
    let needs_info = columns.iter().any(|field| field.needs_info());
    let (rows, mut report) = match gather(found, options, needs_info) {
        Ok(gathered) => gathered,
        Err(report) => return *report,
    };
    Records::new(&columns, &rows).put(&mut report, format, headings, &Terminal::stdout());
    report
}

/// Puts into `report` what says in `format` that there is no device, or that nobody knows
/// whether there is one.
pub(crate) fn put_none(
    report: &mut Report,
    columns: &[&'static Field],
    format: Format,
    headings: bool,
) {
    let columns = columns_of(format, columns);
    let records = match report.devices {
        Some(_) => Records::new(&columns, &[]),
        None => Records::unknown(&columns),
    };
    records.put(report, format, headings, &Terminal::default());
}

/// The columns that `format` has where `columns` were asked for: the usual ones if none
/// were, and each once where a column is found by its name and not by its place.
fn columns_of(format: Format, columns: &[&'static Field]) -> Vec<&'static Field> {
    let mut seen = Vec::new();
    match (columns, format) {
        ([], _) => return default_columns(format),
        (_, Format::Table | Format::Csv | Format::Raw) => return columns.to_vec(),
        (_, Format::Json | Format::Ndjson | Format::Pairs | Format::Prometheus) => {}
    }
    for column in columns {
        if !seen.iter().any(|it: &&Field| it.name == column.name) {
            seen.push(*column);
        }
    }
    seen
}

fn default_columns(format: Format) -> Vec<&'static Field> {
    let names = match format {
        Format::Json | Format::Ndjson => return FIELDS.iter().collect(),
        Format::Prometheus => &METRICS[..],
        Format::Table | Format::Csv | Format::Pairs | Format::Raw => &COLUMNS[..],
    };
    names.iter().filter_map(|name| Field::named(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_field() {
        for name in COLUMNS.into_iter().chain(METRICS) {
            assert!(Field::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_monitor_gets_everything_that_changes() {
        for field in FIELDS.iter().filter(|field| field.is_live()) {
            assert!(METRICS.contains(&field.name), "{}", field.name);
        }
    }
}
