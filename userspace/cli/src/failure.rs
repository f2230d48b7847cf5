// SPDX-License-Identifier: GPL-2.0

//! How a command says what went wrong.

use serde_json::{Value, json};

use crate::exit::ExitCodes;

/// One thing that went wrong in a run.
pub trait Problem {
    /// The exit codes of the command.
    type Exit: ExitCodes;

    /// The name of the command.
    const COMMAND: &'static str;

    /// The exit code of a run in which this went wrong first.
    fn exit(&self) -> Self::Exit;

    /// A short name for it, for programs; ABI.
    fn kind(&self) -> &'static str;

    /// What happened.
    fn message(&self) -> String;

    /// What to do next.
    fn hint(&self) -> String;

    /// The line for people.
    fn line(&self) -> String {
        format!("{}: {} ({})", Self::COMMAND, self.message(), self.hint())
    }

    /// The object `error` for programs.
    fn json(&self) -> Value {
        json!({
            "kind": self.kind(),
            "message": self.message(),
            "hint": self.hint(),
            "exit": self.exit().code(),
        })
    }
}
