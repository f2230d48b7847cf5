// SPDX-License-Identifier: GPL-2.0

//! Writing a report: the result to stdout or to a file, everything else to stderr.

use std::path::Path;

use vgpu_cli::output::{complain, deliver, fail};
use vgpu_cli::{Problem, usage};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::file;
use crate::report::Report;

/// How a report is written to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Its text.
    Text,
    /// The JSON document, indented.
    Json,
    /// After lines that were written already: the JSON document in one more, if
    /// something went wrong.
    Lines,
}

/// How much goes to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Nothing: the exit code says it.
    Quiet,
    /// What the user should know.
    Normal,
    /// How it was done, too.
    Verbose,
}

/// Writes `report`, its result to `file` if there is one, and says how the run ended.
pub(crate) fn report(
    report: &Report,
    form: Form,
    file: Option<&Path>,
    verbosity: Verbosity,
) -> Exit {
    if verbosity == Verbosity::Verbose {
        for detail in &report.details {
            complain(&format!("vgpuinfo: {detail}"));
        }
    }
    if verbosity != Verbosity::Quiet {
        for note in &report.notes {
            complain(&format!("vgpuinfo: {note}"));
        }
        for failure in &report.failures {
            complain(&failure.line());
        }
    }
    let document = |json: serde_json::Result<String>| json.map(|json| (json + "\n").into_bytes());
    let written = match form {
        Form::Text => Ok([report.text.as_bytes(), &report.answer].concat()),
        Form::Json => document(serde_json::to_string_pretty(report)),
        Form::Lines if report.failures.is_empty() => Ok(Vec::new()),
        Form::Lines => document(serde_json::to_string(report)),
    };
    let written = match (written, file) {
        (Err(error), _) => fail(&Failure::Output(error.into())),
        (Ok(written), None) => text(&written),
        // Of devices it says nothing.
        (Ok(written), Some(_)) if report.exit() == Exit::Usage => text(&written),
        (Ok(written), Some(path)) => match file::replace(path, &written) {
            Ok(()) => Exit::Ok,
            Err(error) => fail(&Failure::File(path.into(), error)),
        },
    };
    match report.exit() {
        Exit::Ok => written,
        exit => exit,
    }
}

/// Writes what the parser of the command line says about wrong usage.
pub(crate) fn usage_error(error: &clap::Error, json: bool) -> Exit {
    if json {
        let failed = Report::failed(Failure::Usage(usage::summary(error)));
        return report(&failed, Form::Json, None, Verbosity::Normal);
    }
    complain(error.to_string().trim_end());
    Exit::Usage
}

/// Writes `text` to stdout.
pub(crate) fn text(text: impl AsRef<[u8]>) -> Exit {
    deliver(text, Exit::Ok, Failure::Output)
}
