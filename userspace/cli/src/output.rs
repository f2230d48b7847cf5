// SPDX-License-Identifier: GPL-2.0

//! Writing: the result to stdout, everything else to stderr.

use std::io::{self, ErrorKind, Write};

use crate::failure::Problem;
use crate::stdout;

/// Writes `text` to stdout, at once.
///
/// # Errors
/// [`ErrorKind::BrokenPipe`] if nobody reads any more, and all others. No text at all
/// needs no stdout.
pub fn write(text: &str) -> io::Result<()> {
    stdout::write_all(text.as_bytes())
}

/// Writes `text` to stdout, and does not mind if whoever read has seen enough.
fn print(text: &str) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes `text` to stdout and says how the run ended: with `ok`, or with what the
/// command makes of the error, which goes to stderr. That whoever reads has seen enough
/// is none.
pub fn deliver<P: Problem>(
    text: &str,
    ok: P::Exit,
    problem: impl FnOnce(io::Error) -> P,
) -> P::Exit {
    match print(text) {
        Ok(()) => ok,
        Err(error) => fail(&problem(error)),
    }
}

/// Writes what went wrong to stderr and says how the run ended.
pub fn fail<P: Problem>(problem: &P) -> P::Exit {
    complain(&problem.line());
    problem.exit()
}

/// Writes a line to stderr. If even that fails there is nobody left to tell.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
