// SPDX-License-Identifier: GPL-2.0

//! Commands that run in the guest, and what came of them.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use vgpu_agent::End;

use crate::agent::Agent;
use crate::patience::scaled;
use crate::piece::Piece;
use crate::process::{LOOK, Process};

/// What a command that has ended left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output {
    /// How it ended.
    pub end: End,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.end == End::Status(0)
    }

    /// Its exit status, unless a signal ended it.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        match self.end {
            End::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Its standard output as text, without the newline at the end.
    #[must_use]
    pub fn text(&self) -> String {
        text(&self.stdout)
    }

    /// Its standard error as text, without the newline at the end.
    #[must_use]
    pub fn errors(&self) -> String {
        text(&self.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches('\n')
        .to_owned()
}

/// A command that was started and may still run. Dropping it leaves it running.
pub struct Running<'guest> {
    id: u64,
    command: String,
    pieces: Receiver<Piece>,
    agent: &'guest Agent,
    process: &'guest Process,
    /// What came while somebody waited for something else.
    stdout: VecDeque<u8>,
    stderr: Vec<u8>,
    end: Option<End>,
}

impl<'guest> Running<'guest> {
    pub(crate) fn start(
        command: &str,
        agent: &'guest Agent,
        process: &'guest Process,
    ) -> Result<Self> {
        process.check()?;
        let (id, pieces) = agent.start(command)?;
        Ok(Self {
            id,
            command: command.to_owned(),
            pieces,
            agent,
            process,
            stdout: VecDeque::new(),
            stderr: Vec::new(),
            end: None,
        })
    }

    /// The next thing the command does, or `None` when that takes longer than
    /// `timeout`. Comes in order within a stream, and is not seen by the other
    /// methods.
    ///
    /// # Errors
    ///
    /// The guest died, was reset, or used up its time.
    pub fn next_piece(&mut self, timeout: Duration) -> Result<Option<Piece>> {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left.min(LOOK)) {
                Ok(piece) => return Ok(Some(piece)),
                Err(RecvTimeoutError::Disconnected) => {
                    self.process.check()?;
                    bail!("the guest was reset while '{}' ran", self.command);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.process.check()?;
                    if Instant::now() >= end {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Takes one more piece into the buffers; false when the time is over.
    fn advance(&mut self, timeout: Duration) -> Result<bool> {
        match self.next_piece(timeout)? {
            Some(Piece::Stdout(data)) => self.stdout.extend(data),
            Some(Piece::Stderr(data)) => self.stderr.extend(data),
            Some(Piece::End(end)) => self.end = Some(end),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The next line of standard output without its newline, or `None` when the
    /// command has ended and there is no more.
    ///
    /// # Errors
    ///
    /// As [`Self::next_piece`], and no line within `timeout`.
    pub fn next_line(&mut self, timeout: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + scaled(timeout);
        loop {
            let newline = self.stdout.iter().position(|byte| *byte == b'\n');
            if let Some(length) = newline {
                let line: Vec<u8> = self.stdout.drain(..=length).collect();
                return Ok(Some(text(&line)));
            }
            if self.end.is_some() {
                let rest: Vec<u8> = self.stdout.drain(..).collect();
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
            if !self.advance(deadline.saturating_duration_since(Instant::now()))? {
                bail!(
                    "'{}' wrote no line within {:?}",
                    self.command,
                    scaled(timeout)
                );
            }
        }
    }

    /// Whether the command has ended, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Self::next_piece`].
    pub fn has_ended(&mut self) -> Result<bool> {
        while self.end.is_none() && self.advance(Duration::ZERO)? {}
        Ok(self.end.is_some())
    }

    /// Waits for the end of the command, as long as the guest may live.
    ///
    /// # Errors
    ///
    /// As [`Self::next_piece`].
    pub fn wait(mut self) -> Result<Output> {
        loop {
            if let Some(output) = self.wait_timeout(Duration::from_secs(3600))? {
                return Ok(output);
            }
        }
    }

    /// Waits for the end of the command; `None` when that takes longer than
    /// `timeout`. The output is what [`Self::next_line`] has not taken.
    ///
    /// # Errors
    ///
    /// As [`Self::next_piece`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Output>> {
        let deadline = Instant::now() + scaled(timeout);
        loop {
            if let Some(end) = &self.end {
                return Ok(Some(Output {
                    end: end.clone(),
                    stdout: self.stdout.drain(..).collect(),
                    stderr: std::mem::take(&mut self.stderr),
                }));
            }
            if !self.advance(deadline.saturating_duration_since(Instant::now()))? {
                return Ok(None);
            }
        }
    }

    /// Kills the command and everything it started in its process group.
    ///
    /// # Errors
    ///
    /// The line to the guest is broken.
    pub fn kill(&self) -> Result<()> {
        self.agent.kill(self.id)
    }
}
