// SPDX-License-Identifier: GPL-2.0

//! The result of a run, before it is written.

use serde_json::Value;

use crate::exit::Exit;

/// Result of a run: text for people, a member of the document for
/// programs, and notes for people who may not look for them, on stderr.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) member: Option<(&'static str, Value)>,
    pub(crate) notes: Vec<String>,
    pub(crate) exit: Exit,
}
