// SPDX-License-Identifier: GPL-2.0

//! Writing: the result to stdout, everything else to stderr.

use std::io::{self, ErrorKind, Write};

/// Writes `text` to stdout, at once.
///
/// # Errors
/// [`ErrorKind::BrokenPipe`] if nobody reads any more, and all others.
pub fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes `text` to stdout, and does not mind if whoever read has seen enough.
///
/// # Errors
/// Those of writing, a broken pipe excepted.
pub fn print(text: &str) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes a line to stderr. If even that fails there is nobody left to tell.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
