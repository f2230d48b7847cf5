// SPDX-License-Identifier: GPL-2.0

//! QMP: commands to a running QEMU, and its events.
//!
//! Commands and answers are JSON as it is. The types that a crate generates of a
//! QEMU's schema are those of one version, and this is for 4.2 to 11.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thiserror::Error;

/// No message is longer.
const LONGEST: usize = 4 << 20;

/// What QEMU says when it refuses a command.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{description}")]
pub struct Refusal {
    /// The error's class, `GenericError` nearly always.
    pub class: String,
    /// The text for people.
    pub description: String,
}

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub enum QmpError {
    /// QEMU refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// QEMU did not answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection failed, or QEMU ended.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What answered is no QMP.
    #[error("this is no QMP: {0}")]
    Malformed(String),
}

/// A connection to a running QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    patience: Duration,
    /// What was read and is no whole message yet.
    read: Vec<u8>,
    events: VecDeque<Value>,
    version: (u64, u64),
}

impl Qmp {
    /// Connects to the socket of a QEMU, and waits at most so long for each of its
    /// answers. QEMU serves one connection at a time: until the one before has
    /// ended, nothing comes.
    ///
    /// # Errors
    /// [`QmpError::Io`] if nobody listens there, and those of the greeting.
    pub fn connect(socket: &Path, patience: Duration) -> Result<Self, QmpError> {
        Self::over(UnixStream::connect(socket)?, patience)
    }

    /// Takes a connection that was just made.
    ///
    /// # Errors
    /// Those of the greeting.
    pub fn over(stream: UnixStream, patience: Duration) -> Result<Self, QmpError> {
        stream.set_write_timeout(Some(patience))?;
        let mut qmp = Qmp {
            stream,
            patience,
            read: Vec::new(),
            events: VecDeque::new(),
            version: (0, 0),
        };
        let greeting = qmp.message()?;
        let number = |field| greeting["QMP"]["version"]["qemu"][field].as_u64();
        qmp.version = number("major")
            .zip(number("minor"))
            .ok_or_else(|| QmpError::Malformed(greeting.to_string()))?;
        // What QMP asks for before any other command.
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// QEMU's version, major and minor.
    pub fn version(&self) -> (u64, u64) {
        self.version
    }

    /// Executes a command and gives what it returns.
    ///
    /// # Errors
    /// [`QmpError::Refused`] if QEMU did not do it; with all others it is not
    /// known whether it did.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.stream.write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut message = self.message()?;
            if message.get("event").is_some() {
                self.events.push_back(message);
            } else if let Some(error) = message.get("error") {
                let text = |field| error[field].as_str().unwrap_or_default().to_owned();
                return Err(QmpError::Refused(Refusal {
                    class: text("class"),
                    description: text("desc"),
                }));
            } else if let Some(value) = message.get_mut("return") {
                return Ok(value.take());
            } else {
                return Err(QmpError::Malformed(message.to_string()));
            }
        }
    }

    /// Waits for an event of this name, which may have come already, and gives
    /// its data. Events before it are dropped.
    ///
    /// # Errors
    /// The event did not come in time, or the connection failed.
    pub fn wait_event(&mut self, name: &str) -> Result<Value, QmpError> {
        loop {
            let mut event = match self.events.pop_front() {
                Some(event) => event,
                None => self.message()?,
            };
            if event["event"] == name {
                return Ok(event["data"].take());
            }
        }
    }

    /// The next message, which is a line.
    fn message(&mut self) -> Result<Value, QmpError> {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(length) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=length).collect();
                return serde_json::from_slice(&line)
                    .map_err(|error| QmpError::Malformed(error.to_string()));
            }
            if self.read.len() > LONGEST {
                return Err(QmpError::Malformed("a message without an end".into()));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(QmpError::Timeout(self.patience));
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut more = [0; 4096];
            match self.stream.read(&mut more) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => self.read.extend_from_slice(&more[..count]),
                // The time is over, or a signal came: the next round tells.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::thread;

    use super::*;

    const GREETING: &str =
        r#"{"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 4}}}}"#;

    /// A QEMU that says the first of `lines`, and one more after each command.
    fn qemu(lines: &'static [&'static str]) -> Result<Qmp, QmpError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut commands = BufReader::new(theirs.try_clone().unwrap()).lines();
            for line in lines {
                (&theirs)
                    .write_all(format!("{line}\r\n").as_bytes())
                    .unwrap();
                commands.next();
            }
        });
        Qmp::over(ours, Duration::from_secs(10))
    }

    #[test]
    fn answers_errors_and_events_are_told_apart() {
        let mut qmp = qemu(&[
            GREETING,
            r#"{"return": {}}"#,
            "{\"event\": \"RESET\"}\n{\"event\": \"STOP\", \"data\": 1}\n{\"return\": [7]}",
            r#"{"error": {"class": "GenericError", "desc": "no"}}"#,
        ])
        .unwrap();
        assert_eq!(qmp.version(), (4, 2));
        assert_eq!(qmp.execute("one", json!({})).unwrap(), json!([7]));
        let Err(QmpError::Refused(refusal)) = qmp.execute("two", json!({})) else {
            panic!("it was refused");
        };
        assert_eq!(refusal.description, "no");
        assert_eq!(qmp.wait_event("STOP").unwrap(), json!(1));
        assert!(matches!(
            qmp.execute("three", json!({})),
            Err(QmpError::Io(_))
        ));
    }

    #[test]
    fn what_is_no_qmp_is_said_to_be_none() {
        for lines in [&["220 mail.example"] as &[_], &["{}"], &[GREETING, "{}"]] {
            assert!(
                matches!(qemu(lines), Err(QmpError::Malformed(_))),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn nothing_is_waited_for_longer_than_said() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        // Bytes, and never a line: they do not begin the time anew.
        let talker = thread::spawn(move || {
            while theirs.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let started = Instant::now();
        let patience = Duration::from_millis(100);
        assert!(matches!(
            Qmp::over(ours, patience),
            Err(QmpError::Timeout(_))
        ));
        assert!(started.elapsed() >= patience);
        talker.join().unwrap();
    }
}
