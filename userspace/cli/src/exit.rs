// SPDX-License-Identifier: GPL-2.0

//! Exit codes: what a script learns when it reads nothing else.

use std::process::ExitCode;

/// The exit codes of a command.
pub trait ExitCodes: Copy + 'static {
    /// All of them, in order.
    const ALL: &'static [Self];

    /// The number.
    fn code(self) -> u8;

    /// What help and manual say about it.
    fn meaning(self) -> &'static str;

    /// What the process ends with.
    fn exit_code(self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The section of the help about them.
    fn help() -> String {
        let lines = Self::ALL
            .iter()
            .map(|exit| format!("\n  {}  {}", exit.code(), exit.meaning()));
        lines.fold("Exit codes:".into(), |help, line| help + &line)
    }
}
