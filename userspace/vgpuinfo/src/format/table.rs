// SPDX-License-Identifier: GPL-2.0

//! Aligned columns, for people.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Records;
use crate::terminal::Terminal;

/// What stands for an unknown value.
const UNKNOWN: &str = "-";
/// What stands for the rest of a value that does not fit, and on a terminal that shows
/// ASCII only.
const MORE: char = '\u{2026}';
const MORE_IN_ASCII: char = '~';
/// To this width columns are cut, and no further.
const NARROW: usize = 6;
/// Between columns.
const GAP: &str = "  ";
/// The style of headings.
const BOLD: u8 = 1;

impl Records<'_> {
    pub(super) fn table(&self, headings: bool, terminal: &Terminal) -> String {
        let first = self.columns.iter().map(|field| field.heading.to_owned());
        let first = headings.then(|| first.collect());
        let rows = self.rows.iter().map(|row| {
            let values = row.values.iter();
            values.map(|value| value.text(UNKNOWN)).collect()
        });
        table(first, rows.collect(), terminal)
    }
}

/// Rows of cells in aligned columns, a line each, without spaces at its end. On
/// a terminal the lines fit, by cutting the widest columns.
pub(crate) fn table(
    headings: Option<Vec<String>>,
    rows: Vec<Vec<String>>,
    terminal: &Terminal,
) -> String {
    let has_headings = headings.is_some();
    let rows: Vec<Vec<String>> = headings.into_iter().chain(rows).collect();
    let widths = widths(&rows, terminal.width);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| padded(cut(cell, *width, terminal), *width))
            .collect();
        let line = cells.join(GAP);
        let line = line.trim_end();
        match has_headings && number == 0 {
            true => text.push_str(&terminal.paint(BOLD, line)),
            false => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The width of each column: that of its widest cell, or less where all of them
/// together would be too wide.
fn widths(rows: &[Vec<String>], limit: Option<usize>) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        })
        .collect();
    let limit = limit.unwrap_or(usize::MAX);
    let gaps = GAP.len() * columns.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROW => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// As much of a cell as fits into `width` columns of a terminal, of which some
/// characters take two and others none.
fn cut(cell: &str, width: usize, terminal: &Terminal) -> String {
    if cell.width() <= width {
        return cell.into();
    }
    let mut room = width.saturating_sub(1);
    let kept = cell.chars().take_while(|character| {
        let taken = character.width().unwrap_or(0);
        let fits = taken <= room;
        room = room.saturating_sub(taken);
        fits
    });
    let more = if terminal.unicode {
        MORE
    } else {
        MORE_IN_ASCII
    };
    kept.chain([more]).collect()
}

/// A cell with spaces behind it, as wide as its column.
fn padded(mut cell: String, width: usize) -> String {
    let missing = width.saturating_sub(cell.width());
    cell.extend(std::iter::repeat_n(' ', missing));
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &[[&str; 2]]) -> Vec<Vec<String>> {
        cells
            .iter()
            .map(|row| row.map(String::from).to_vec())
            .collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = table(
            Some(vec!["NAME".into(), "POOL".into()]),
            rows(&[["vgpu10", "B"], ["-", "0x00"]]),
            &Terminal::default(),
        );
        assert_eq!(text, "NAME    POOL\nvgpu10  B\n-       0x00\n");
    }

    #[test]
    fn lines_fit_the_terminal_by_cutting_the_widest_column() {
        let terminal = Terminal {
            width: Some(20),
            unicode: true,
            ..Terminal::default()
        };
        let rows = rows(&[["vgpu0", "Processing accelerators"]]);
        assert_eq!(
            table(None, rows, &terminal),
            "vgpu0  Processing a\u{2026}\n"
        );
    }

    #[test]
    fn a_terminal_without_unicode_gets_none() {
        let terminal = Terminal {
            width: Some(20),
            ..Terminal::default()
        };
        let rows = rows(&[["vgpu0", "Processing accelerators"]]);
        assert_eq!(table(None, rows, &terminal), "vgpu0  Processing a~\n");
    }

    #[test]
    fn characters_count_as_many_columns_as_they_take() {
        let cells = [["\u{6f22}\u{5b57}", "a"], ["e\u{301}", "b"], ["abcd", "c"]];
        assert_eq!(
            table(None, rows(&cells), &Terminal::default()),
            "\u{6f22}\u{5b57}  a\ne\u{301}     b\nabcd  c\n"
        );
        let narrow = Terminal {
            width: Some(6),
            ..Terminal::default()
        };
        // Half of a character does not fit.
        let wide = vec![vec!["\u{6f22}\u{5b57}\u{6f22}\u{5b57}".to_owned()]];
        assert_eq!(table(None, wide, &narrow), "\u{6f22}\u{5b57}~\n");
    }

    #[test]
    fn a_terminal_too_narrow_for_anything_gets_what_is_left() {
        let terminal = Terminal {
            width: Some(1),
            unicode: true,
            ..Terminal::default()
        };
        let rows = rows(&[["0000:00:06.0", "B"]]);
        assert_eq!(table(None, rows, &terminal), "0000:\u{2026}  B\n");
    }

    #[test]
    fn headings_stand_out_where_there_is_colour() {
        let terminal = Terminal {
            colour: true,
            ..Terminal::default()
        };
        let text = table(
            Some(vec!["A".into(), "B".into()]),
            rows(&[["1", "2"]]),
            &terminal,
        );
        assert_eq!(text, "\x1b[1mA  B\x1b[0m\n1  2\n");
    }
}
