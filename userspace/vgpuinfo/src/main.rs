// SPDX-License-Identifier: GPL-2.0

//! Shows the vGPU stubs of this machine, for people and for scripts.
//!
//! Arguments come in through [`cli`], the devices through the library `vgpu`;
//! each subcommand makes a [`Report`] of them, and [`output`]
//! writes it.

mod bundle;
mod call;
mod check;
mod cli;
mod command;
mod describe;
mod doctor;
mod exit;
mod failure;
mod fields;
mod file;
mod format;
mod gather;
mod get;
mod manual;
mod options;
mod output;
mod publish;
mod query;
mod report;
mod select;
mod terminal;
mod values;
mod wait;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use vgpu::Vgpu;
use vgpu_cli::ExitCodes;

use crate::check::Expected;
use crate::cli::{Action, Cli, Columns, Layout};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fields::{Field, Value};
use crate::format::Format;
use crate::options::Options;
use crate::output::Form;
use crate::report::Report;
use crate::terminal::Terminal;
use crate::watch::Lines;

fn main() -> ExitCode {
    run(std::env::args_os().collect()).exit_code()
}

fn run(arguments: Vec<OsString>) -> Exit {
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => output::report(
            &execute(&cli),
            form(&cli),
            cli.action.as_ref().and_then(Action::file),
            cli.options.verbosity(),
        ),
        Err(error) if error.use_stderr() => {
            output::usage_error(&error, cli::wants_json(&arguments))
        }
        // Not an error: the text of --help or --version.
        Err(text) => output::text(text.to_string()),
    }
}

/// How what `cli` asks for is written.
fn form(cli: &Cli) -> Form {
    let layout = match &cli.action {
        Some(Action::Watch { format, .. }) => {
            return match Lines::choose(*format, &cli.options) {
                // One object a line, and nothing else.
                Lines::Ndjson => Form::Lines,
                Lines::Text => Form::Text,
            };
        }
        // Texts in languages of their own.
        Some(Action::Schema | Action::Describe(_)) => return Form::Text,
        Some(Action::Query { format, .. }) => format.as_slice(),
        None if !cli.habits.columns.is_empty() => cli.habits.format(),
        _ => &[],
    };
    match cli.options.json || matches!(Layout::format(layout), Ok((Format::Json, _))) {
        true => Form::Json,
        false => Form::Text,
    }
}

fn execute(cli: &Cli) -> Report {
    let options = &cli.options;
    match &cli.action {
        Some(Action::Wait { condition, timeout }) => wait::wait(condition, *timeout, options),
        Some(Action::Watch { interval, format }) => watch::watch(
            Some(*interval).filter(|it| *it > Duration::ZERO),
            Lines::choose(*format, options),
            options,
        ),
        Some(Action::Doctor { bundle: false }) => doctor::doctor(options, &Terminal::stdout()),
        Some(Action::Doctor { bundle: true }) => bundle::bundle(options),
        Some(Action::Publish) => publish::publish(options),
        Some(Action::Fields) => describe::fields(),
        Some(Action::Schema) => describe::schema(),
        Some(Action::Describe(what)) => describe::itself(what),
        Some(Action::Query {
            columns,
            format,
            no_headings,
            file: Some(_),
        }) => {
            let found = Vgpu::discover(&options.roots());
            query_to_file(found, columns, format, *no_headings, options)
        }
        action => match Vgpu::discover(&options.roots()) {
            Ok(found) => show(found, action.as_ref(), cli),
            Err(error) => Report::failed(Failure::Discovery(error)),
        },
    }
}

/// What is done with the devices that are there now.
fn show(found: Vec<Vgpu>, action: Option<&Action>, cli: &Cli) -> Report {
    let options = &cli.options;
    match action {
        Some(Action::Get { field, device }) => get::get(found, field, device.as_ref(), options),
        Some(Action::Query {
            columns,
            format,
            no_headings,
            file: _,
        }) => query(found, columns, format, *no_headings, options),
        Some(Action::Call { message, timeout }) => {
            call::call(found, message.as_deref(), *timeout, options)
        }
        Some(Action::Command {
            value,
            device,
            timeout,
        }) => command::command(found, *value, device.as_ref(), *timeout, options),
        Some(Action::Check {
            pool,
            priority,
            vm_id,
        }) => {
            let text = |text: &Option<String>| text.clone().map(Value::Text);
            let expected = [
                ("pool_id", text(pool)),
                ("priority", text(priority)),
                ("vm_id", vm_id.map(Value::Decimal)),
            ];
            let expected: Vec<Expected> = expected
                .into_iter()
                .filter_map(|(name, value)| Some((Field::named(name)?, value?)))
                .collect();
            check::check(found, &expected, options)
        }
        None if !cli.habits.columns.is_empty() => {
            let habits = &cli.habits;
            query(found, &habits.columns, habits.format(), false, options)
        }
        _ => query::list(found, options),
    }
}

fn query(
    found: Vec<Vgpu>,
    columns: &[Columns],
    layout: &[Layout],
    no_headings: bool,
    options: &Options,
) -> Report {
    match shape(layout, no_headings, options) {
        Ok((format, headings)) => {
            query::query(found, &Columns::fields(columns), format, headings, options)
        }
        Err(failure) => Report::failed(failure),
    }
}

/// As [`query()`], with a document in the format where there is no device, too: who reads
/// the file is to know that.
fn query_to_file(
    found: vgpu::Result<Vec<Vgpu>>,
    columns: &[Columns],
    layout: &[Layout],
    no_headings: bool,
    options: &Options,
) -> Report {
    let (format, headings) = match shape(layout, no_headings, options) {
        Ok(shape) => shape,
        Err(failure) => return Report::failed(failure),
    };
    let columns = Columns::fields(columns);
    let mut report = match found {
        Ok(found) => query::query(found, &columns, format, headings, options),
        Err(error) => Report::failed(Failure::Discovery(error)),
    };
    if report.text.is_empty() && format != Format::Json {
        query::put_none(&mut report, &columns, format, headings);
    }
    report
}

/// The format that was asked for, and whether it is to have headings.
fn shape(
    layout: &[Layout],
    no_headings: bool,
    options: &Options,
) -> Result<(Format, bool), Failure> {
    let (format, headings) = Layout::format(layout).map_err(Failure::Usage)?;
    let format = if options.json { Format::Json } else { format };
    Ok((format, headings && !no_headings))
}
