// SPDX-License-Identifier: GPL-2.0

//! Reading xenstore by its own program, which every version of it has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use subprocess::ExitStatus;
use thiserror::Error;

use crate::keys;
use crate::program::{Program, ProgramError};
use crate::shown::Shown;

/// What is read of the output at most: a value in which every byte is escaped,
/// and a message.
const MOST_OUTPUT: usize = 4 * keys::LONGEST + 1024;

/// Reads single values.
#[derive(Clone, Debug)]
pub struct Xenstore {
    /// The program `xenstore-read`.
    pub program: PathBuf,
    /// How long one value may take.
    pub patience: Duration,
}

/// Why a value could not be read, although it may be there.
#[derive(Debug, Error)]
pub enum XenstoreError {
    /// The program did not say anything.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The program failed, and not because there is no such key.
    #[error("{} failed ({ended}): {message}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        ended: String,
        /// What it said.
        message: Shown,
    },
}

impl Xenstore {
    /// The value of a key; `None` if there is no such key. A value longer than
    /// any that xenstore can have is cut, but still too long.
    ///
    /// Bytes that are not printable, and backslashes, come as escapes: values
    /// that are of use here have none.
    ///
    /// # Errors
    /// Everything else than a clear answer is an error, so that a store that
    /// cannot be reached is not taken for one without the key.
    pub fn read(&self, key: &str) -> Result<Option<Vec<u8>>, XenstoreError> {
        let program = Program {
            path: self.program.clone(),
            patience: self.patience,
            longest: MOST_OUTPUT,
        };
        let said = program.run(&[key])?;
        let ended = said.ended();
        let (mut value, message) = (said.stdout, said.stderr);
        if value.len() > keys::LONGEST + 1 {
            return Ok(Some(value));
        }
        let missing = format!("couldn't read path {key}");
        match said.status {
            Some(ExitStatus::Exited(0)) => {
                // The one that the program adds.
                if value.last() == Some(&b'\n') {
                    value.pop();
                }
                Ok(Some(value))
            }
            Some(ExitStatus::Exited(1)) if String::from_utf8_lossy(&message).contains(&missing) => {
                Ok(None)
            }
            _ => Err(XenstoreError::Failed {
                program: self.program.clone(),
                ended,
                message: Shown::new(message.trim_ascii()),
            }),
        }
    }
}

/// The path of a key of a domain's platform map.
pub fn platform(domain: u32, key: &str) -> String {
    format!("/local/domain/{domain}/platform/{key}")
}

/// The first of these programs that is there.
pub fn first_there<'a>(candidates: &[&'a str]) -> Option<&'a Path> {
    let mut paths = candidates.iter().map(|path| Path::new(*path));
    paths.find(|path| path.exists())
}
