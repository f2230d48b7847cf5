// SPDX-License-Identifier: GPL-2.0

//! Comma-separated values, as RFC 4180 has them, with lines that end as lines
//! do here.

use super::Records;

impl Records<'_> {
    pub(super) fn csv(&self, headings: bool) -> String {
        let names = self.columns.iter().map(|field| field.name.to_owned());
        let names = headings.then(|| line(names));
        let rows = self.rows.iter().map(|row| {
            let values = row.values.iter();
            line(values.map(|value| value.text("")))
        });
        names.into_iter().chain(rows).collect()
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(quoted).collect();
    // An empty line would be no record at all.
    match cells.as_slice() {
        [only] if only.is_empty() => "\"\"\n".into(),
        _ => cells.join(",") + "\n",
    }
}

fn quoted(cell: String) -> String {
    let blank = |it: Option<char>| it.is_some_and(char::is_whitespace);
    match cell.contains([',', '"', '\n', '\r'])
        || blank(cell.chars().next())
        || blank(cell.chars().next_back())
    {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}
