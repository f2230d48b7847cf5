// SPDX-License-Identifier: GPL-2.0

//! Sets up the vGPU stubs of an XCP-ng host's virtual machines.

mod cli;
mod commands;
mod dom0;
mod exit;
mod failure;
mod finding;
mod manual;
mod member;
mod output;
mod report;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use vgpu_cli::output::complain;
use vgpu_cli::{ExitCodes, usage};

use crate::cli::{Action, Cli, SpecAction};
use crate::commands::{
    attach, describe, guard, install, list, plugin, pool, set, spec, status, uninstall, verify,
};
use crate::dom0::remote;
use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{stdout, written};
use crate::report::Report;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(Cli {
            action: Action::XapiGuard { words },
            xe,
            root,
            timeout,
            ..
        }) => {
            let xe = Xe::new(xe, timeout.or(Some(guard::PATIENCE)));
            return guard::guard(&xe, &Tree::to_read(&root), &words);
        }
        Ok(cli) => written(&execute(&cli), cli.json),
        Err(error) if error.use_stderr() => match usage::wants_json(&arguments, &[], &[]) {
            true => written(&Err(Failure::Usage(usage::summary(&error))), true),
            false => {
                complain(error.to_string().trim_end());
                Exit::Usage
            }
        },
        // Not an error: the text of --help or --version.
        Err(text) => stdout(&text.to_string()),
    }
    .exit_code()
}

fn execute(cli: &Cli) -> Result<Report, Failure> {
    let xe = Xe::new(cli.xe.clone(), cli.timeout);
    match &cli.action {
        Action::List => list::list(&xe),
        Action::Attach { vm, device, add } => {
            attach::attach(&xe, vm, device.device(), *add, cli.dry_run)
        }
        Action::Set { vm, device, change } => {
            let tree = Tree::to_read(&cli.root);
            set::set(&xe, &tree, vm, device.as_deref(), change, cli.dry_run)
                .or_else(|it| remote::set(&xe, it, device.as_deref(), change, cli.dry_run))
        }
        Action::Detach { vm } => attach::detach(&xe, vm, cli.dry_run),
        Action::Install { hook, program } => install::install(
            &Tree::to_change(&cli.root, cli.dry_run)?,
            hook.as_deref(),
            program.as_deref(),
        ),
        Action::Uninstall => {
            let devices = uninstall::still_with_devices(&Tree::to_read(&cli.root), &xe)?;
            let tree = Tree::to_change(&cli.root, cli.dry_run)?;
            uninstall::uninstall(&tree, devices.into_iter().collect())
        }
        Action::Status { pool: true } => pool::status(&xe, &Tree::to_read(&cli.root)),
        Action::Status { pool: false } => status::status(&Tree::to_read(&cli.root)),
        Action::Verify { vm } => verify::verify(&xe, &Tree::to_read(&cli.root), vm.as_deref())
            .or_else(|it| remote::instead(&xe, it, "verify", "verify", &[])),
        Action::XapiPlugin { words } => Ok(plugin::answer(&xe, &Tree::to_read(&cli.root), words)),
        // Its exit codes are xenopsd's, and main has seen to it.
        Action::XapiGuard { .. } => Ok(Report::default()),
        Action::Describe(what) => describe::describe(what),
        Action::Spec { action } => match action {
            SpecAction::Apply { files, packager } => spec::apply(files, packager, cli.dry_run),
            SpecAction::Revert { files } => spec::revert(files, cli.dry_run),
            SpecAction::Check { files } => spec::check(files),
        },
    }
}
