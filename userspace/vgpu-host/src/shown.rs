// SPDX-License-Identifier: GPL-2.0

//! Text from elsewhere, in a message.

use std::fmt;

/// So much of a text is shown.
const LONGEST: usize = 128;

/// Shows bytes that are not to be trusted: in quotes, everything that is not
/// printable ASCII escaped, and not too much of it. The result is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Vec<u8>, bool);

impl Shown {
    /// The beginning of `bytes`.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let kept = bytes.iter().take(LONGEST).copied().collect();
        Shown(kept, bytes.len() > LONGEST)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.1 { "..." } else { "" };
        write!(f, "'{}'{more}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_short_line_of_ascii() {
        assert_eq!(
            Shown::new("A'\n\x1b[1m\u{e4}").to_string(),
            r"'A\'\n\x1b[1m\xc3\xa4'"
        );
        assert_eq!(
            Shown::new([b'x'; 129]).to_string(),
            format!("'{}'...", "x".repeat(128))
        );
    }
}
