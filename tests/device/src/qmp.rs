// SPDX-License-Identifier: GPL-2.0

//! The operator's side of a machine: QMP, where what may not fail does not return.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};
use vgpu_qmp::{Qmp as Connection, QmpError as Failure, Refusal};

pub use vgpu_qmp::Refusal as QmpError;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The operator's side of a machine.
#[derive(Debug)]
pub struct Qmp(Connection);

impl Qmp {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Qmp(Connection::over(stream, PATIENCE).unwrap_or_else(|e| panic!("QMP: {e}")))
    }

    /// QEMU's version, major and minor.
    pub fn version(&self) -> (u64, u64) {
        self.0.version()
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
    pub fn try_execute(&mut self, command: &str, arguments: Value) -> Result<Value, Refusal> {
        match self.0.execute(command, arguments) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// A property of the device of this id, as the host sees it.
    pub fn get(&mut self, device: &str, property: &str) -> Value {
        let path = format!("/machine/peripheral/{device}");
        self.execute("qom-get", json!({ "path": path, "property": property }))
    }

    /// Changes a property of a device while it runs.
    ///
    /// # Errors
    ///
    /// QEMU refused it.
    pub fn set(
        &mut self,
        device: &str,
        property: &str,
        value: impl Into<Value>,
    ) -> Result<Value, Refusal> {
        let path = format!("/machine/peripheral/{device}");
        let value = value.into();
        let arguments = json!({ "path": path, "property": property, "value": value });
        self.try_execute("qom-set", arguments)
    }

    /// Waits for an event of this name, which may have come already, and gives
    /// its data. Events before it are dropped.
    pub fn wait_event(&mut self, name: &str) -> Value {
        self.0
            .wait_event(name)
            .unwrap_or_else(|e| panic!("waiting for {name}: {e}"))
    }
}
