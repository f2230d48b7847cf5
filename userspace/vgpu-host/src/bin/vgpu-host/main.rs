// SPDX-License-Identifier: GPL-2.0

//! Sets up the vGPU stubs of an XCP-ng host's virtual machines.

mod attach;
mod cli;
mod exit;
mod failure;
mod install;
mod list;
mod record;
mod replace;
mod spec;
mod status;
mod tree;
mod uninstall;
mod wrapper;
mod xe;
mod xenopsd;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use crate::cli::{Action, Cli, SpecAction};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tree::Tree;
use crate::xe::Xe;

/// The number of the JSON format: fields are only added within one.
const SCHEMA: u32 = 1;

/// What a run has to say: text for people, a member of the document for
/// programs, and notes for people who may not look for them, on stderr.
#[derive(Default)]
struct Report {
    text: String,
    member: Option<(&'static str, Value)>,
    notes: Vec<String>,
    exit: Exit,
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
    match &done {
        Ok(report) => {
            for note in &report.notes {
                let _ = writeln!(io::stderr(), "vgpu-host: {note}");
            }
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.line());
        }
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
        (Ok(report), _) => report.exit,
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
        Action::Install { hook } => {
            install::install(&Tree::to_change(&cli.root, cli.dry_run)?, hook.as_deref())
        }
        Action::Uninstall => uninstall::uninstall(&Tree::to_change(&cli.root, cli.dry_run)?),
        Action::Status => status::status(&Tree::to_read(&cli.root)),
        Action::Spec { action } => match action {
            SpecAction::Apply { files, packager } => spec::apply(files, packager, cli.dry_run),
            SpecAction::Revert { files } => spec::revert(files, cli.dry_run),
            SpecAction::Check { files } => spec::check(files),
        },
    }
}

/// `error` is there if and only if the run failed. What `status` finds is no
/// failure of its run: its own member says it.
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
