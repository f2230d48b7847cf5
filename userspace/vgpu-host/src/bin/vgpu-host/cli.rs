// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use vgpu_host::device::parse_vm_id;
use vgpu_host::{Device, Pool, Priority};

use crate::exit::Exit;

/// Sets up the vGPU stubs of this host's virtual machines.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = Exit::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Action,
    /// Print a JSON document
    #[arg(short = 'J', long, global = true)]
    pub(crate) json: bool,
    /// Say what would be done, and do nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// The toolstack's command
    #[arg(long, value_name = "PROGRAM", default_value = "xe", global = true)]
    pub(crate) xe: PathBuf,
    /// Take the host's files from this directory
    #[arg(long, value_name = "DIR", default_value = "/", global = true)]
    pub(crate) root: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List the VMs that have devices
    List,
    /// Give a VM one device, or one more
    Attach {
        /// Its uuid or its name
        vm: String,
        #[command(flatten)]
        device: Properties,
        /// Keep the devices that it has
        #[arg(long)]
        add: bool,
    },
    /// Take all devices of a VM away
    Detach {
        /// Its uuid or its name
        vm: String,
    },
    /// Have device models started with their devices
    Install {
        /// The hook [default: vgpu-dm-hook beside this program]
        #[arg(long, value_name = "FILE")]
        hook: Option<PathBuf>,
    },
    /// Leave the host's files as they were before
    Uninstall,
    /// Say whether all that was installed is there and has its effect
    Status,
    /// Put the device into the spec of the host's package qemu
    Spec {
        #[command(subcommand)]
        action: SpecAction,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpecAction {
    /// Add the patch, a newer release and an entry in the changelog
    Apply {
        #[command(flatten)]
        files: SpecFiles,
        /// Who the entry in the changelog is by: NAME <MAIL>
        #[arg(long, value_name = "PACKAGER", env = "RPM_PACKAGER", value_parser = parse_packager)]
        #[arg(default_value = "vgpu-stub <vgpu-stub@localhost>")]
        packager: String,
    },
    /// Take all of that out again
    Revert {
        #[command(flatten)]
        files: SpecFiles,
    },
    /// Say whether it has the patch of this version
    Check {
        #[command(flatten)]
        files: SpecFiles,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SpecFiles {
    /// The spec
    pub(crate) file: PathBuf,
    /// Where its sources are [default: SOURCES beside the spec's directory, or that]
    #[arg(long, value_name = "DIR")]
    pub(crate) sources: Option<PathBuf>,
}

/// What a line of a changelog can hold, in which % is a macro's.
fn parse_packager(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.contains('%') || text.contains(char::is_control) {
        return Err("it has to be one line without %".into());
    }
    Ok(text.into())
}

#[derive(Debug, Args)]
pub(crate) struct Properties {
    /// The pool: A or B
    #[arg(long, default_value_t = Pool::default())]
    pool: Pool,
    /// low, medium or high
    #[arg(long, default_value_t = Priority::default())]
    priority: Priority,
    /// The number of the virtual machine
    #[arg(long, default_value_t = 0, value_parser = parse_vm_id)]
    vm_id: u32,
}

impl Properties {
    pub(crate) fn device(&self) -> Device {
        Device {
            pool: self.pool,
            priority: self.priority,
            vm_id: self.vm_id,
        }
    }
}
