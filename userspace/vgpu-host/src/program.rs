// SPDX-License-Identifier: GPL-2.0

//! Other programs, run for what they say: none of them can take for ever, or say
//! more than there is room for.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use subprocess::{Exec, ExitStatus, Popen, PopenError, Redirection};
use thiserror::Error;

/// Held while a program is started. One that is started by another thread meanwhile would
/// inherit the ends of its pipes, and whoever reads them wait for both.
static STARTING: Mutex<()> = Mutex::new(());

/// A program, and what it is granted.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file, or the name to look for in the usual places.
    pub path: PathBuf,
    /// How long it may take to say something, and then to end.
    pub patience: Duration,
    /// What is read of its output at most.
    pub longest: usize,
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// How it ended; `None` if it was stopped because it said too much.
    pub status: Option<ExitStatus>,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// Why a program said nothing.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It did not start.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: PopenError,
    },
    /// It did not end in time.
    #[error("{} gave no answer within {} s", program.display(), patience.as_secs_f32())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it had.
        patience: Duration,
    },
}

impl Said {
    /// Whether it ended and found all well.
    pub fn succeeded(&self) -> bool {
        self.status == Some(ExitStatus::Exited(0))
    }

    /// How it ended, in words.
    pub fn ended(&self) -> String {
        match self.status {
            Some(ExitStatus::Exited(code)) => format!("exit code {code}"),
            Some(ExitStatus::Signaled(signal)) => format!("signal {signal}"),
            Some(other) => format!("{other:?}"),
            None => "it said too much".into(),
        }
    }
}

impl Program {
    /// Runs the program with these arguments and an empty stdin.
    ///
    /// # Errors
    /// The program did not start, or took too long. How it ended is no error.
    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Result<Said, ProgramError> {
        let timeout = || ProgramError::Timeout {
            program: self.path.clone(),
            patience: self.patience,
        };
        let exec = Exec::cmd(&self.path)
            .args(arguments)
            .stdin(Redirection::Pipe)
            .stdout(Redirection::Pipe)
            .stderr(Redirection::Pipe)
            .detached();
        let started = {
            let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            exec.popen()
        };
        let mut child = started.map_err(|source| ProgramError::Start {
            program: self.path.clone(),
            source,
        })?;
        // Nothing is written: so stdin has an end, on a host without /dev/null as well.
        drop(child.stdin.take());
        let mut output = child
            .communicate_start(None)
            .limit_size(self.longest)
            .limit_time(self.patience);
        let Ok((stdout, stderr)) = output.read() else {
            end(&mut child);
            return Err(timeout());
        };
        let (stdout, stderr) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
        let mut status = None;
        if stdout.len() + stderr.len() < self.longest {
            status = child.wait_timeout(self.patience).ok().flatten();
            if status.is_none() {
                end(&mut child);
                return Err(timeout());
            }
        } else {
            end(&mut child);
        }
        Ok(Said {
            status,
            stdout,
            stderr,
        })
    }
}

/// Ends a program that is not needed any more, without waiting for ever for one
/// that the kernel does not let go.
fn end(child: &mut Popen) {
    let _ = child.kill();
    let _ = child.wait_timeout(Duration::from_millis(200));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<Said, ProgramError> {
        let shell = Program {
            path: "sh".into(),
            patience,
            longest: 100,
        };
        shell.run(&["-c", script])
    }

    #[test]
    fn a_program_is_heard_and_its_end_is_known() {
        let said = shell("echo out; echo err >&2; exit 3", Duration::from_secs(60)).unwrap();
        assert_eq!(said.status, Some(ExitStatus::Exited(3)));
        assert_eq!(
            (&said.stdout[..], &said.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }

    #[test]
    fn a_program_finds_nothing_on_its_stdin() {
        let said = shell("cat; echo end", Duration::from_secs(60)).unwrap();
        assert_eq!(said.stdout, b"end\n");
    }

    #[test]
    fn programs_that_run_at_once_do_not_wait_for_each_other() {
        let patience = Duration::from_secs(3);
        std::thread::scope(|scope| {
            let quick: Vec<_> = (0..40)
                .filter_map(|number| match number % 2 {
                    0 => Some(scope.spawn(move || shell("echo out", patience))),
                    _ => {
                        scope.spawn(move || shell("exec sleep 1000", patience));
                        None
                    }
                })
                .collect();
            for quick in quick {
                let said = quick.join().unwrap().unwrap();
                assert_eq!(said.stdout, b"out\n");
            }
        });
    }

    #[test]
    fn a_program_cannot_take_for_ever_or_say_too_much() {
        let slow = shell("exec sleep 1000", Duration::from_millis(50));
        assert!(
            matches!(slow, Err(ProgramError::Timeout { .. })),
            "{slow:?}"
        );
        let closed = shell("exec >&- 2>&-; exec sleep 1000", Duration::from_millis(50));
        assert!(
            matches!(closed, Err(ProgramError::Timeout { .. })),
            "{closed:?}"
        );
        let said = shell("exec yes", Duration::from_secs(60)).unwrap();
        assert_eq!((said.status, said.stdout.len()), (None, 100));
    }
}
