// SPDX-License-Identifier: GPL-2.0

//! QMP: commands to a running QEMU, and its events.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

/// What QEMU says when it refuses a command.
#[derive(Debug, PartialEq, Eq)]
pub struct QmpError {
    /// The error's class, `GenericError` nearly always.
    pub class: String,
    /// The text for people.
    pub description: String,
}

/// The operator's side of a machine.
#[derive(Debug)]
pub struct Qmp {
    messages: BufReader<UnixStream>,
    commands: UnixStream,
    events: Vec<Value>,
    version: (u64, u64),
}

impl Qmp {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let commands = stream.try_clone().expect("duplicating the QMP socket");
        Self {
            messages: BufReader::new(stream),
            commands,
            events: Vec::new(),
            version: (0, 0),
        }
    }

    /// What QMP asks for before any other command.
    pub(crate) fn greet(&mut self) {
        let greeting = self.message();
        let number = |field| {
            greeting["QMP"]["version"]["qemu"][field]
                .as_u64()
                .unwrap_or_else(|| panic!("QMP greeting: {greeting}"))
        };
        self.version = (number("major"), number("minor"));
        self.execute("qmp_capabilities", json!({}));
    }

    /// QEMU's version, major and minor.
    pub fn version(&self) -> (u64, u64) {
        self.version
    }

    /// Executes a command that must succeed and gives what it returns.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        self.try_execute(command, arguments)
            .unwrap_or_else(|e| panic!("{command}: {}: {}", e.class, e.description))
    }

    /// Executes a command and gives what it returns.
    ///
    /// # Errors
    ///
    /// QEMU refused it.
    pub fn try_execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.commands
            .write_all(format!("{request}\n").as_bytes())
            .expect("QEMU closed the QMP socket");
        loop {
            let mut message = self.message();
            if message.get("event").is_some() {
                self.events.push(message);
            } else if let Some(error) = message.get("error") {
                let text = |field| error[field].as_str().unwrap_or_default().to_owned();
                return Err(QmpError {
                    class: text("class"),
                    description: text("desc"),
                });
            } else {
                return Ok(message["return"].take());
            }
        }
    }

    /// Waits for an event of this name, which may have come already, and gives
    /// its data. Events before it are dropped.
    pub fn wait_event(&mut self, name: &str) -> Value {
        loop {
            let mut event = if self.events.is_empty() {
                self.message()
            } else {
                self.events.remove(0)
            };
            if event["event"] == name {
                return event["data"].take();
            }
        }
    }

    fn message(&mut self) -> Value {
        let mut line = String::new();
        self.messages
            .read_line(&mut line)
            .unwrap_or_else(|e| panic!("no message from QMP: {e}"));
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("QMP message {line:?}: {e}"))
    }
}
