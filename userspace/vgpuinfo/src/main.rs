// SPDX-License-Identifier: GPL-2.0

//! Shows the vGPU stubs of this machine, for people and for scripts.
//!
//! Arguments come in through [`cli`], the devices through the library `vgpu`;
//! each subcommand makes a [`Report`] of them, and [`output`]
//! writes it.

mod cli;
mod command;
mod exit;
mod failure;
mod fields;
mod get;
mod list;
mod output;
mod report;
mod select;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use vgpu::{Roots, Vgpu};

use crate::cli::{Action, Cli};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

fn run(arguments: Vec<OsString>) -> Exit {
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => output::report(&execute(&cli), cli.options.json),
        Err(error) if error.use_stderr() => {
            output::usage_error(&error, cli::wants_json(&arguments))
        }
        // Not an error: the text of --help or --version.
        Err(text) => output::text(&text.to_string()),
    }
}

fn execute(cli: &Cli) -> Report {
    let options = &cli.options;
    let found = match Vgpu::discover(&Roots::under(&options.sysroot)) {
        Ok(found) => found,
        Err(error) => return Report::failed(Failure::Discovery(error)),
    };
    match &cli.action {
        None | Some(Action::List) => list::list(found, options),
        Some(Action::Get { field, device }) => get::get(found, field, device.as_ref(), options),
        Some(Action::Command {
            value,
            device,
            timeout,
        }) => command::command(found, *value, device.as_ref(), *timeout, options),
    }
}
