// SPDX-License-Identifier: GPL-2.0

//! Writing the result of a run.

use serde_json::{Value, json};
use vgpu_cli::Problem;
use vgpu_cli::output::{complain, deliver, fail};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

/// The number of the JSON format: fields are only added within one.
pub(crate) const SCHEMA: u32 = 1;

/// Writes the result of a run, and says how it ended.
pub(crate) fn written(done: &Result<Report, Failure>, json: bool) -> Exit {
    let exit = match done {
        Ok(report) => {
            for note in &report.notes {
                complain(&format!("vgpu-host: {note}"));
            }
            report.exit
        }
        Err(failure) => fail(failure),
    };
    let written = match done {
        // A text in a language of its own is no document.
        Ok(report) if !json || report.member.is_none() => stdout(&report.text),
        Err(_) if !json => Exit::Ok,
        done => stdout(&format!("{:#}\n", document(done))),
    };
    if exit == Exit::Ok { written } else { exit }
}

/// Writes `text` to stdout, and says how the run ended.
pub(crate) fn stdout(text: &str) -> Exit {
    deliver(text, Exit::Ok, Failure::Output)
}

/// Returns the document for programs. `error` is there if and only if the run failed. What `status` finds is no
/// failure of its run: its own member says it.
pub(crate) fn document(done: &Result<Report, Failure>) -> Value {
    let mut document = json!({ "schema": SCHEMA });
    match done {
        Ok(report) => {
            if let Some((name, value)) = &report.member {
                document[*name] = value.clone();
            }
        }
        Err(failure) => document["error"] = failure.json(),
    }
    document
}
