// SPDX-License-Identifier: GPL-2.0

//! Values separated by one space, so that a line has as many words as there are
//! columns, for awk and read.

use super::Records;

/// What stands for an unknown value.
const UNKNOWN: &str = "-";

impl Records<'_> {
    pub(super) fn raw(&self, headings: bool) -> String {
        let names = self.columns.iter().map(|field| field.name.to_owned());
        let names = headings.then(|| line(names));
        let rows = self.rows.iter().map(|row| {
            let values = row.values.iter();
            line(values.map(|value| match value.text(UNKNOWN) {
                // Text that looks like an unknown value.
                text if text == UNKNOWN && !value.is_unknown() => r"\x2d".into(),
                text => escaped(&text),
            }))
        });
        names.into_iter().chain(rows).collect()
    }
}

fn line(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ") + "\n"
}

/// Blanks, control characters and backslashes as `\xNN`, byte by byte, as lsblk
/// has them.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character.is_whitespace() || character.is_control() || character == '\\' {
            true => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    text.push_str(&format!("\\x{byte:02x}"));
                }
            }
            false => text.push(character),
        }
    }
    // No word at all would move the ones behind it.
    match text.is_empty() {
        true => r"\x00".into(),
        false => text,
    }
}
