// SPDX-License-Identifier: GPL-2.0

//! What the program says about itself: man pages, and completions for shells.

use vgpu_cli::Describe;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual::MANUAL;
use crate::report::Report;

/// Prints a completion script or the man page, or writes the man pages to files.
pub(crate) fn describe(what: &Describe) -> Result<Report, Failure> {
    match what.text::<Cli, Exit>(&MANUAL, None) {
        Ok(text) => Ok(Report {
            text,
            ..Report::default()
        }),
        Err(source) => Err(match what.directory() {
            Some(directory) => Failure::File {
                path: directory.into(),
                source,
            },
            None => Failure::Output(source),
        }),
    }
}
