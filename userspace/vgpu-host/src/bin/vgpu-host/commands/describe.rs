// SPDX-License-Identifier: GPL-2.0

//! What the program says about itself: man pages, and completions for shells.

use std::path::Path;

use clap::CommandFactory;
use vgpu_cli::completions::{self, Shell};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual::MANUAL;
use crate::report::Report;

/// Prints the script that completes arguments in a shell.
pub(crate) fn completions(shell: Shell) -> Report {
    text(completions::script(shell, Cli::command(), None))
}

/// Prints the man page, or writes it and those of the subcommands to files in
/// `directory`.
pub(crate) fn man(directory: Option<&Path>) -> Result<Report, Failure> {
    let written = match directory {
        None => MANUAL.page::<Exit>(Cli::command()).map(text),
        Some(directory) => MANUAL
            .write::<Exit>(Cli::command(), directory)
            .map(|()| Report::default()),
    };
    written.map_err(|source| match directory {
        Some(directory) => Failure::File {
            path: directory.into(),
            source,
        },
        None => Failure::Output(source),
    })
}

fn text(text: String) -> Report {
    Report {
        text,
        ..Report::default()
    }
}
