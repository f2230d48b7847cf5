// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use vgpu_cli::{Describe, ExitCodes};
use vgpu_host::device::{parse_latency, parse_vm_id};
use vgpu_host::{Device, Messages, Msix, Pool, Priority, Revision, Shown};

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
    /// How long one call of it may take, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS", global = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) timeout: Option<u32>,
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
    /// Change a device of a VM, at once if it runs
    #[command(
        after_help = "A device of revision 1 cannot change while its VM runs; that is an error, \
                      and nothing is changed. If the VM runs on another host of the pool, that \
                      host does it, by its plugin."
    )]
    Set {
        /// Its uuid or its name
        vm: String,
        /// The device, vgpu-stub0 and so on, if there are several
        #[arg(long, value_name = "ID")]
        device: Option<String>,
        #[command(flatten)]
        change: Change,
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
        /// What the toolstack calls [default: this program]
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
    },
    /// Leave the host's files as they were before
    Uninstall,
    /// Say whether all that was installed is there and has its effect
    Status {
        /// Ask every member of the pool, and compare them
        #[arg(long)]
        pool: bool,
    },
    /// Check everything from the host's package to the registers of a VM's devices
    #[command(
        after_help = "The lines ok are as they should be, those with NO are not, and those with -- \
                      could not be checked. A VM is checked by the host that it runs on."
    )]
    Verify {
        /// Its uuid or its name; only what all VMs have in common without one
        vm: Option<String>,
    },
    /// Put the device into the spec of the host's package qemu
    Spec {
        #[command(subcommand)]
        action: SpecAction,
    },
    /// Answer a call of xapi, which the script of the plugin passes on
    #[command(hide = true)]
    XapiPlugin {
        /// One argument, the call
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Say whether a VM may be migrated, which the script before migrations passes on
    #[command(hide = true)]
    XapiGuard {
        /// -vmuuid UUID -reason REASON
        #[arg(last = true)]
        words: Vec<String>,
    },
    #[command(flatten)]
    Describe(Describe),
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

/// The pools, which shells can complete.
fn pool() -> impl TypedValueParser<Value = Pool> {
    PossibleValuesParser::new(Pool::ALL.map(Pool::name)).try_map(|text| text.parse::<Pool>())
}

fn priority() -> impl TypedValueParser<Value = Priority> {
    PossibleValuesParser::new(Priority::ALL.map(Priority::name))
        .try_map(|text| text.parse::<Priority>())
}

fn revision() -> impl TypedValueParser<Value = Revision> {
    PossibleValuesParser::new(Revision::ALL.map(Revision::name))
        .try_map(|text| text.parse::<Revision>())
}

fn msix() -> impl TypedValueParser<Value = Msix> {
    PossibleValuesParser::new(Msix::ALL.map(Msix::name)).try_map(|text| text.parse::<Msix>())
}

fn messages() -> impl TypedValueParser<Value = Messages> {
    PossibleValuesParser::new(Messages::ALL.map(Messages::name))
        .try_map(|text| text.parse::<Messages>())
}

#[derive(Debug, Args)]
pub(crate) struct Properties {
    /// The pool
    #[arg(long, default_value_t = Pool::default(), value_parser = pool())]
    pool: Pool,
    /// The priority within the pool
    #[arg(long, default_value_t = Priority::default(), value_parser = priority())]
    priority: Priority,
    /// The number of the virtual machine
    #[arg(long, default_value_t = 0, value_parser = parse_vm_id)]
    vm_id: u32,
    /// The revision of the device; 2 can change while the VM runs, 3 has messages, too
    #[arg(long, default_value_t = Revision::default(), value_parser = revision())]
    revision: Revision,
    /// Whether a device of revision 2 or 3 interrupts by MSI-X
    #[arg(long, default_value_t = Msix::default(), value_parser = msix())]
    msix: Msix,
    /// What a command of revision 2 or 3 takes, in microseconds
    #[arg(
        long,
        value_name = "MICROSECONDS",
        default_value_t = 0,
        value_parser = parse_latency
    )]
    command_latency_us: u32,
    /// Whether vgpu-pool answers messages of the guest; takes revision 3
    #[arg(long, default_value_t = Messages::default(), value_parser = messages())]
    messages: Messages,
}

impl Properties {
    pub(crate) fn device(&self) -> Device {
        Device {
            pool: self.pool,
            priority: self.priority,
            vm_id: self.vm_id,
            revision: self.revision,
            msix: self.msix,
            command_latency_us: self.command_latency_us,
            messages: self.messages,
        }
    }
}

/// What is to change in a device.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Change {
    /// The pool
    #[arg(long, value_parser = pool())]
    pool: Option<Pool>,
    /// The priority within the pool
    #[arg(long, value_parser = priority())]
    priority: Option<Priority>,
    /// The number of the virtual machine
    #[arg(long, value_parser = parse_vm_id)]
    vm_id: Option<u32>,
}

impl Change {
    /// Reads it from the names and values of properties.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn parse<'a>(
        properties: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut change = Change {
            pool: None,
            priority: None,
            vm_id: None,
        };
        for (name, value) in properties {
            match name {
                "pool" => change.pool = Some(value.parse()?),
                "priority" => change.priority = Some(value.parse()?),
                "vm_id" => change.vm_id = Some(parse_vm_id(value)?),
                _ => return Err(format!("there is no property {}", Shown::new(name))),
            }
        }
        match change.properties()[..] {
            [] => Err("there is nothing to change: pool, priority or vm_id".into()),
            _ => Ok(change),
        }
    }

    /// Makes it in what a key says of the device.
    pub(crate) fn apply(&self, device: &mut Device) {
        device.pool = self.pool.unwrap_or(device.pool);
        device.priority = self.priority.unwrap_or(device.priority);
        device.vm_id = self.vm_id.unwrap_or(device.vm_id);
    }

    /// The properties that change, as [`Change::parse`] reads them.
    pub(crate) fn arguments(&self) -> Vec<(&'static str, String)> {
        let pool = self.pool.map(|pool| ("pool", pool.name().into()));
        let priority = self.priority.map(|it| ("priority", it.name().into()));
        let vm_id = self.vm_id.map(|vm_id| ("vm_id", vm_id.to_string()));
        [pool, priority, vm_id].into_iter().flatten().collect()
    }

    /// The properties that change in the device model.
    pub(crate) fn properties(&self) -> Vec<(&'static str, Value)> {
        let pool = self.pool.map(|pool| ("pool_id", pool.name().into()));
        let priority = self.priority.map(|it| ("priority", it.name().into()));
        let vm_id = self.vm_id.map(|vm_id| ("vm_id", vm_id.into()));
        [pool, priority, vm_id].into_iter().flatten().collect()
    }
}
