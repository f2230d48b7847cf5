// SPDX-License-Identifier: GPL-2.0

//! Records of devices in the formats that people and programs read. All formats
//! take their columns from the same table.

mod csv;
mod pairs;
mod prometheus;
mod raw;
mod table;

use clap::ValueEnum;
use serde_json::json;
use vgpu::Vgpu;

use crate::fields::{Field, Value};
use crate::gather::Row;
use crate::report::{Object, Report};
use crate::terminal::Terminal;

pub(crate) use table::table;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people
    Table,
    /// Comma-separated values (RFC 4180), with the names in the first line
    Csv,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// VGPU_NAME='value' pairs, safe for eval in a shell
    Pairs,
    /// Values separated by one space, with blanks in them escaped
    Raw,
    /// Prometheus text exposition 0.0.4
    Prometheus,
}

/// Values of some fields, one row a device.
pub(crate) struct Records<'a> {
    columns: &'a [&'a Field],
    rows: Vec<Record>,
    /// Whether there are no others, as far as the devices were found.
    complete: bool,
}

struct Record {
    /// What the device is called, whichever columns were asked for.
    name: Option<String>,
    pci: String,
    values: Vec<Value>,
}

impl Record {
    fn new(device: &Vgpu, values: Vec<Value>) -> Self {
        Record {
            name: device.name().map(str::to_owned),
            pci: device.pci().to_string(),
            values,
        }
    }
}

impl<'a> Records<'a> {
    /// The `columns` of `rows`.
    pub(crate) fn new(columns: &'a [&'a Field], rows: &[Row]) -> Self {
        let rows = rows.iter().map(|(device, info)| {
            let values = columns
                .iter()
                .map(|field| field.value(device, info.as_ref()));
            Record::new(device, values.collect())
        });
        Records {
            columns,
            rows: rows.collect(),
            complete: true,
        }
    }

    /// No rows, as the devices could not be looked for.
    pub(crate) fn unknown(columns: &'a [&'a Field]) -> Self {
        Records {
            columns,
            rows: Vec::new(),
            complete: false,
        }
    }

    /// Puts all of it into `report` as `format` has it, with a line of headings
    /// where the format knows one and `headings` asks for it.
    pub(crate) fn put(
        &self,
        report: &mut Report,
        format: Format,
        headings: bool,
        terminal: &Terminal,
    ) {
        report.text = match format {
            Format::Json => {
                report.devices = Some(self.objects());
                return;
            }
            Format::Table => self.table(headings, terminal),
            Format::Csv => self.csv(headings),
            Format::Ndjson => self.ndjson(),
            Format::Pairs => self.pairs(),
            Format::Raw => self.raw(headings),
            Format::Prometheus => self.prometheus(),
        };
    }

    /// As the JSON document has them.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let rows = self.rows.iter().map(|row| {
            let members = self.cells(row);
            members
                .map(|(field, value)| (field.name, value.json()))
                .collect()
        });
        rows.collect()
    }

    fn ndjson(&self) -> String {
        let objects = self.objects().into_iter();
        objects
            .map(|object| json!(object).to_string() + "\n")
            .collect()
    }

    fn cells<'r>(&self, row: &'r Record) -> impl Iterator<Item = (&'a Field, &'r Value)> {
        self.columns.iter().copied().zip(&row.values)
    }
}

#[cfg(test)]
pub(crate) mod tests;
