// SPDX-License-Identifier: GPL-2.0

//! Writing a report: the result to stdout, everything else to stderr.

use vgpu_cli::output::{complain, deliver, fail};
use vgpu_cli::{Problem, usage};

use crate::exit::Exit;
use crate::failure::Failure;
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

/// Writes `report` and says how the run ended.
pub(crate) fn report(report: &Report, form: Form, verbosity: Verbosity) -> Exit {
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
    let written = match form {
        Form::Text => text(&report.text),
        Form::Json => document(serde_json::to_string_pretty(report)),
        Form::Lines if report.failures.is_empty() => Exit::Ok,
        Form::Lines => document(serde_json::to_string(report)),
    };
    match report.exit() {
        Exit::Ok => written,
        exit => exit,
    }
}

fn document(document: serde_json::Result<String>) -> Exit {
    match document {
        Ok(document) => text(&(document + "\n")),
        Err(error) => fail(&Failure::Output(error.into())),
    }
}

/// Writes what the parser of the command line says about wrong usage.
pub(crate) fn usage_error(error: &clap::Error, json: bool) -> Exit {
    if json {
        let failed = Report::failed(Failure::Usage(usage::summary(error)));
        return report(&failed, Form::Json, Verbosity::Normal);
    }
    complain(error.to_string().trim_end());
    Exit::Usage
}

/// Writes `text` to stdout.
pub(crate) fn text(text: &str) -> Exit {
    deliver(text, Exit::Ok, Failure::Output)
}
