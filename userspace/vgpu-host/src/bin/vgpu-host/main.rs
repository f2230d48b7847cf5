// SPDX-License-Identifier: GPL-2.0

//! Sets up the vGPU stubs of an XCP-ng host's virtual machines.

mod attach;
mod cli;
mod exit;
mod failure;
mod list;
mod xe;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::{Action, Cli};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::xe::Xe;

/// The number of the JSON format: fields are only added within one.
const SCHEMA: u32 = 1;

/// What a run has to say: text for people, a member of the document for
/// programs.
#[derive(Default)]
struct Report {
    text: String,
    member: Option<(&'static str, Value)>,
}

fn main() -> ExitCode {
    run().into()
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
        }
    };
    let done = execute(&cli);
    if let Err(failure) = &done {
        let _ = writeln!(io::stderr(), "{}", failure.line());
    }
    let text = match (&done, cli.json) {
        (done, true) => format!("{:#}\n", document(done)),
        (Ok(report), false) => report.text.clone(),
        (Err(_), false) => String::new(),
    };
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match (done, written) {
        (Err(failure), _) => failure.exit(),
        (Ok(_), Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Internal,
        (Ok(_), _) => Exit::Ok,
    }
}

fn execute(cli: &Cli) -> Result<Report, Failure> {
    let xe = Xe::new(cli.xe.clone());
    match &cli.action {
        Action::List => list::list(&xe),
        Action::Attach { vm, device, add } => {
            attach::attach(&xe, vm, device.device(), *add, cli.dry_run)
        }
        Action::Detach { vm } => attach::detach(&xe, vm, cli.dry_run),
    }
}

/// `error` is there if and only if the run did not end with exit code 0.
fn document(done: &Result<Report, Failure>) -> Value {
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
