// SPDX-License-Identifier: GPL-2.0

//! Writing: the result to stdout, everything else to stderr.

use std::io::{self, ErrorKind, Write};

use rustix::io::Errno;

use crate::failure::Problem;
use crate::stdout;

/// Writes `text` to stdout, at once.
///
/// # Errors
/// [`ErrorKind::BrokenPipe`] if nobody reads any more, and all others. No text at all
/// needs no stdout.
pub fn write(text: impl AsRef<[u8]>) -> io::Result<()> {
    stdout::write_all(text.as_ref())
}

/// Writes `text` to stdout, and does not mind if whoever read has seen enough.
fn print(text: impl AsRef<[u8]>) -> io::Result<()> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes `text` to stdout and says how the run ended: with `ok`, or with what the
/// command makes of the error, which goes to stderr. That whoever reads has seen enough
/// is none.
pub fn deliver<P: Problem>(
    text: impl AsRef<[u8]>,
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

/// What to do about output that cannot be written.
pub fn hint(error: &io::Error) -> &'static str {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => "make room where the output goes",
        PermissionDenied | ReadOnlyFilesystem => "write it where this user may write",
        _ if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {
            "leave stdout open; send it to /dev/null if nobody is to read it"
        }
        _ => "look at what the output is connected to",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_that_cannot_be_written_is_told_what_would_help() {
        for (errno, expected) in [
            (Errno::NOSPC, "make room"),
            (Errno::DQUOT, "make room"),
            (Errno::BADF, "leave stdout open"),
            (Errno::ROFS, "this user"),
            (Errno::IO, "connected to"),
        ] {
            let hint = hint(&errno.into());
            assert!(hint.contains(expected), "{errno}: {hint}");
        }
    }
}
