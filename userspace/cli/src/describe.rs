// SPDX-License-Identifier: GPL-2.0

//! The subcommands by which a command describes itself to shells and people.

use std::io;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Subcommand, ValueHint};

use crate::completions::{self, Named, Shell};
use crate::exit::ExitCodes;
use crate::manual::Manual;

/// Subcommands that describe the command itself.
#[derive(Debug, Subcommand)]
pub enum Describe {
    /// Print the script that completes arguments in a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the man page
    Man {
        /// Write it and those of the subcommands to files there instead
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

impl Describe {
    /// Makes the text to be printed of the definition of a command line, or writes it to files
    /// and returns an empty one. `named` are options whose values are names of what is there.
    ///
    /// # Errors
    /// Those of [`Manual::page`] and, where there is a [directory](Self::directory), of
    /// [`Manual::write`].
    pub fn text<C: CommandFactory, E: ExitCodes>(
        &self,
        manual: &Manual,
        named: Option<Named>,
    ) -> io::Result<String> {
        match self {
            Describe::Completions { shell } => Ok(completions::script(*shell, C::command(), named)),
            Describe::Man { directory: None } => manual.page::<E>(C::command()),
            Describe::Man {
                directory: Some(directory),
            } => manual
                .write::<E>(C::command(), directory)
                .map(|()| String::new()),
        }
    }

    /// Returns the directory that files are written to.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Describe::Completions { .. } => None,
            Describe::Man { directory } => directory.as_deref(),
        }
    }
}
