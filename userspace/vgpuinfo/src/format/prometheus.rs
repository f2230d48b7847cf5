// SPDX-License-Identifier: GPL-2.0

//! Prometheus' text exposition 0.0.4, for node_exporter's textfile collector:
//! who a device is, as labels of a metric that is 1; what it does, as metrics
//! with just the labels that tell devices apart.

use super::{Record, Records};
use crate::fields::Field;

/// What the names of the metrics start with.
const PREFIX: &str = "vgpu_";

impl Records<'_> {
    pub(super) fn prometheus(&self) -> String {
        let mut text = String::new();
        heading(&mut text, "info", "Who a vGPU is: its labels say it");
        for row in &self.rows {
            let identity = self.cells(row).filter(|(field, _)| !field.is_live());
            let identity = identity
                .filter(|(field, value)| !is_key(field) && !value.is_unknown())
                .map(|(field, value)| (field.name, value.text("")));
            sample(&mut text, "info", keys(row).chain(identity), 1);
        }
        let live = self.columns.iter().enumerate();
        for (column, field) in live.filter(|(_, field)| field.is_live()) {
            heading(&mut text, field.name, field.help);
            for row in &self.rows {
                let value = row.values.get(column).and_then(|value| value.number());
                // What is not known has no sample.
                if let Some(value) = value {
                    sample(&mut text, field.name, keys(row), value);
                }
            }
        }
        // Without it, no device could not be told from no answer.
        if self.complete {
            heading(&mut text, "devices", "Number of vGPUs that are shown");
            text.push_str(&format!("{PREFIX}devices {}\n", self.rows.len()));
        }
        text
    }
}

/// The labels that every sample has: what tells one device from another.
fn keys(row: &Record) -> impl Iterator<Item = (&'static str, String)> {
    let name = row.name.clone().map(|name| ("name", name));
    name.into_iter().chain([("pci", row.pci.clone())])
}

fn is_key(field: &Field) -> bool {
    matches!(field.name, "name" | "pci")
}

fn heading(text: &mut String, name: &str, help: &str) {
    let help = help.replace('\\', r"\\").replace('\n', r"\n");
    text.push_str(&format!(
        "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge\n"
    ));
}

fn sample<'a>(
    text: &mut String,
    name: &str,
    labels: impl Iterator<Item = (&'a str, String)>,
    value: u32,
) {
    let labels: Vec<String> = labels
        .map(|(label, value)| format!("{label}=\"{}\"", escaped(&value)))
        .collect();
    text.push_str(&format!("{PREFIX}{name}{{{}}} {value}\n", labels.join(",")));
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}
