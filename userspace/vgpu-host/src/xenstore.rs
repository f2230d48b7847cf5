// SPDX-License-Identifier: GPL-2.0

//! Reading xenstore by its own program, which every version of it has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use subprocess::{Exec, ExitStatus, Popen, PopenError, Redirection};
use thiserror::Error;

use crate::keys;
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
    /// The program did not start.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: PopenError,
    },
    /// The program did not end in time.
    #[error("{} gave no answer within {} s", program.display(), patience.as_secs_f32())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it had.
        patience: Duration,
    },
    /// The program failed, and not because there is no such key.
    #[error("{} failed ({status:?}): {message}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
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
        let program = || self.program.clone();
        let start = |source| XenstoreError::Start {
            program: program(),
            source,
        };
        let timeout = || XenstoreError::Timeout {
            program: program(),
            patience: self.patience,
        };
        let mut child = Exec::cmd(&self.program)
            .arg(key)
            .stdin(subprocess::NullFile)
            .stdout(Redirection::Pipe)
            .stderr(Redirection::Pipe)
            .detached()
            .popen()
            .map_err(start)?;
        let mut output = child
            .communicate_start(None)
            .limit_size(MOST_OUTPUT)
            .limit_time(self.patience);
        let (stdout, stderr) = match output.read() {
            Ok(output) => output,
            Err(_) => {
                end(&mut child);
                return Err(timeout());
            }
        };
        let (mut value, message) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
        if value.len() > keys::LONGEST + 1 {
            end(&mut child);
            return Ok(Some(value));
        }
        let status = match child.wait_timeout(self.patience) {
            Ok(Some(status)) => status,
            _ => {
                end(&mut child);
                return Err(timeout());
            }
        };
        let missing = format!("couldn't read path {key}");
        match status {
            ExitStatus::Exited(0) => {
                // The one that the program adds.
                if value.last() == Some(&b'\n') {
                    value.pop();
                }
                Ok(Some(value))
            }
            ExitStatus::Exited(1) if String::from_utf8_lossy(&message).contains(&missing) => {
                Ok(None)
            }
            status => Err(XenstoreError::Failed {
                program: program(),
                status,
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

/// Ends a program that is not needed any more, without waiting for ever for one
/// that the kernel does not let go.
fn end(child: &mut Popen) {
    let _ = child.kill();
    let _ = child.wait_timeout(Duration::from_millis(200));
}
