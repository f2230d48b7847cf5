// SPDX-License-Identifier: GPL-2.0

//! Writing a report: the result to stdout, everything else to stderr.

use std::io::{self, Write};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

/// Writes `report` and says how the run ended.
pub(crate) fn report(report: &Report, json: bool) -> Exit {
    for note in &report.notes {
        complain(&format!("vgpuinfo: {note}"));
    }
    for failure in &report.failures {
        complain(&failure.line());
    }
    let written = if json {
        text(&format!("{:#}\n", report.document()))
    } else {
        text(&report.text)
    };
    match report.exit() {
        Exit::Ok => written,
        exit => exit,
    }
}

/// Writes what the parser of the command line says about wrong usage.
pub(crate) fn usage_error(error: &clap::Error, json: bool) -> Exit {
    let message = error.to_string();
    if json {
        let first = message.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        return report(&Report::failed(Failure::Usage(first.into())), json);
    }
    complain(message.trim_end());
    Exit::Usage
}

/// Writes `text` to stdout.
pub(crate) fn text(text: &str) -> Exit {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => Exit::Ok,
        // Whoever read has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            let failure = Failure::Output(error);
            complain(&failure.line());
            failure.exit()
        }
    }
}

/// Writes a line to stderr. If even that fails there is nobody left to tell.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Rows of cells in aligned columns, two spaces apart; a line each, without
/// spaces at its end.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "POOL"], ["vgpu10", "B"], ["-", "0x00"]]
            .map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&rows), "NAME    POOL\nvgpu10  B\n-       0x00\n");
    }
}
