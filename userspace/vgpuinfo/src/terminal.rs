// SPDX-License-Identifier: GPL-2.0

//! What a terminal can show, for output that people read.

use std::env;
use std::io::{self, IsTerminal};

use rustix::termios::tcgetwinsize;

/// Where a table goes to.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    /// How many columns of characters fit; `None` where any number does.
    pub(crate) width: Option<usize>,
    /// Whether colours are welcome.
    pub(crate) colour: bool,
}

impl Terminal {
    /// What stdout is. A file or a pipe gets every character and no colour.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Terminal::default();
        }
        let width = tcgetwinsize(&stdout)
            .ok()
            .map(|size| usize::from(size.ws_col))
            // A serial console does not know.
            .filter(|width| *width > 0);
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|value| value == "dumb");
        Terminal {
            width,
            colour: !refused && !dumb,
        }
    }

    /// `text` in a style, by its number in ECMA-48.
    pub(crate) fn paint(&self, style: u8, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{style}m{text}\x1b[0m"),
            false => text.into(),
        }
    }
}
