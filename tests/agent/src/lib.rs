// SPDX-License-Identifier: GPL-2.0

//! What the agent in a guest and the harness outside say to each other over the
//! guest's second serial line.
//!
//! A message is a JSON document on one line. The harness sends [`Request`], the
//! agent [`Reply`]; both name the command they are about by an id that the
//! harness chose, so that many commands can run at once. A serial line has no
//! connection: what is no message (the rest of a line that a reset cut off, a
//! byte from a probing driver) is passed over by [`Reply::parse`].

mod bytes;

use serde::{Deserialize, Serialize};

/// What the harness asks for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Run `command` with `/bin/sh -c` as root, stdin from /dev/null, in a
    /// process group of its own.
    Exec {
        /// Names the command from now on.
        id: u64,
        /// What the shell is given.
        command: String,
    },
    /// Send SIGKILL to a command and everything in its process group. Asking
    /// for a command that has ended already does nothing.
    Kill {
        /// The command.
        id: u64,
    },
}

/// What the agent answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The agent has started: once for each boot.
    Ready {
        /// The kernel's release, as `uname -r` prints it.
        release: String,
    },
    /// A piece of a command's standard output.
    Stdout {
        /// The command.
        id: u64,
        /// Bytes as the command wrote them, base64 on the wire.
        #[serde(with = "bytes")]
        data: Vec<u8>,
    },
    /// A piece of a command's standard error.
    Stderr {
        /// The command.
        id: u64,
        /// Bytes as the command wrote them, base64 on the wire.
        #[serde(with = "bytes")]
        data: Vec<u8>,
    },
    /// A command is over and all it wrote has been sent.
    Exit {
        /// The command.
        id: u64,
        /// How it ended.
        end: End,
    },
}

/// How a command ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It exited with this status.
    Status(i32),
    /// This signal ended it.
    Signal(i32),
    /// The shell could not be started, for this reason.
    NotStarted(String),
}

impl Request {
    /// The message as a line, newline included.
    ///
    /// # Errors
    ///
    /// None that these types can cause; serde wants to be asked.
    pub fn to_line(&self) -> serde_json::Result<String> {
        line(self)
    }

    /// The message in `line`, or `None` when there is none.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

impl Reply {
    /// The message as a line, newline included.
    ///
    /// # Errors
    ///
    /// None that these types can cause; serde wants to be asked.
    pub fn to_line(&self) -> serde_json::Result<String> {
        line(self)
    }

    /// The message in `line`, or `None` when there is none.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

fn line<T: Serialize>(message: &T) -> serde_json::Result<String> {
    serde_json::to_string(message).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_line() {
        let request = Request::Exec {
            id: 7,
            command: "printf '%s\\n' \"a\nb\" é".to_owned(),
        };
        let line = request.to_line().unwrap();
        assert_eq!(line.matches('\n').count(), 1, "one message is one line");
        assert_eq!(Request::parse(line.as_bytes()), Some(request));
    }

    #[test]
    fn every_byte_of_output_survives_the_line() {
        let reply = Reply::Stdout {
            id: 1,
            data: (0..=255).collect(),
        };
        let line = reply.to_line().unwrap();
        assert!(line.is_ascii());
        assert_eq!(Reply::parse(line.as_bytes()), Some(reply));
    }

    #[test]
    fn the_wire_format_is_this() {
        let end = Reply::Exit {
            id: 3,
            end: End::Signal(9),
        };
        assert_eq!(
            end.to_line().unwrap(),
            "{\"exit\":{\"id\":3,\"end\":{\"signal\":9}}}\n"
        );
        let data = Reply::Stderr {
            id: 3,
            data: b"hi\n".to_vec(),
        };
        assert_eq!(
            data.to_line().unwrap(),
            "{\"stderr\":{\"id\":3,\"data\":\"aGkK\"}}\n"
        );
    }

    #[test]
    fn noise_is_no_message() {
        for noise in [&b""[..], b"\0\xff", b"{\"stdout\":{\"id\":1,\"da", b"[1]"] {
            assert_eq!(Reply::parse(noise), None);
            assert_eq!(Request::parse(noise), None);
        }
    }
}
