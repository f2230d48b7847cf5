// SPDX-License-Identifier: GPL-2.0

//! What a terminal can show, for output that people read.

use std::env;
use std::io::{self, IsTerminal};

use rustix::termios::tcgetwinsize;

/// Where output for people goes to.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    /// How many columns of characters fit; `None` where any number does.
    pub(crate) width: Option<usize>,
    /// Whether colours are welcome.
    pub(crate) colour: bool,
    /// Whether it shows more than ASCII.
    pub(crate) unicode: bool,
}

impl Terminal {
    /// What stdout is. A file or a pipe gets lines of any length and no colour.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let unicode = is_utf8(|name| env::var(name).ok());
        if !stdout.is_terminal() {
            return Terminal {
                unicode,
                ..Terminal::default()
            };
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
            unicode,
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

/// Tells whether the locale's characters are UTF-8, by the first variable that says
/// anything, as setlocale(3) does.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names.filter_map(variable).find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_ascii_uppercase();
    locale.ends_with(".UTF-8") || locale.ends_with(".UTF8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        for (variables, unicode) in [
            (&[("LANG", "en_US.UTF-8")][..], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "C.UTF-8")], true),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")], true),
            (&[], false),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_utf8(variable), unicode, "{variables:?}");
        }
    }
}
