// SPDX-License-Identifier: GPL-2.0

//! Assignments for a shell, one line a device: `eval` sets the variables and
//! does nothing else, whatever the values are.

use super::Records;

/// What the names of the variables start with, as those of the driver's uevents
/// do.
const PREFIX: &str = "VGPU_";

impl Records<'_> {
    pub(super) fn pairs(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let pairs: Vec<String> = self
                .cells(row)
                .map(|(field, value)| {
                    let name = field.name.to_ascii_uppercase();
                    format!("{PREFIX}{name}={}", quoted(&value.text("")))
                })
                .collect();
            pairs.join(" ") + "\n"
        });
        rows.collect()
    }
}

/// Within single quotes nothing has a meaning but the quote itself.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
