// SPDX-License-Identifier: GPL-2.0

//! What the commands for vGPU stubs have in common, so that a script which knows
//! one of them knows the others: exit codes, errors, findings, output,
//! man pages and completions.

pub mod clock;
pub mod completions;
pub mod describe;
pub mod exit;
pub mod failure;
pub mod finding;
pub mod manual;
pub mod output;
pub mod stdout;
pub mod usage;

pub use describe::Describe;
pub use exit::ExitCodes;
pub use failure::Problem;
pub use finding::{Finding, Verdict};
pub use manual::Manual;
