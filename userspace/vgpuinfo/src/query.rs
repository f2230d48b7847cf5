// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo list` and `vgpuinfo query`: the same records, in a format of choice.

use vgpu::Vgpu;

use crate::cli::Options;
use crate::fields::{FIELDS, Field};
use crate::format::{Format, Records};
use crate::gather::gather;
use crate::report::Report;
use crate::terminal::Terminal;

/// The columns of the list, by the names of their fields.
const COLUMNS: [&str; 7] = [
    "name", "pci", "pool_id", "priority", "vm_id", "status", "driver",
];

/// The same for a monitor, which wants everything that changes.
const METRICS: [&str; 9] = [
    "name",
    "pci",
    "pool_id",
    "priority",
    "vm_id",
    "driver",
    "command",
    "status",
    "config_generation",
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
    let columns = match columns {
        [] => default_columns(format),
        columns => columns.to_vec(),
    };
    let needs_info = columns.iter().any(|field| field.needs_info());
    let (rows, mut report) = match gather(found, options, needs_info) {
        Ok(gathered) => gathered,
        Err(report) => return *report,
    };
    Records::new(&columns, &rows).put(&mut report, format, headings, &Terminal::stdout());
    report
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
