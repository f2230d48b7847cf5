// SPDX-License-Identifier: GPL-2.0

//! The command line.

mod arguments;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};
use vgpu_cli::{Describe, ExitCodes};

use crate::exit::Exit;
use crate::fields::Field;
use crate::format::Format;
use crate::options::Options;
use crate::select::Selector;
use crate::wait::Condition;
use crate::watch::Lines;

pub(crate) use arguments::{Columns, Layout, wants_json};

/// Shows the vGPU stubs of this machine: pool, priority and VM id.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = Exit::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(flatten)]
    pub(crate) habits: Habits,
}

// The arguments of a subcommand are made only when it is the one, or is described.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Action {
    /// List the devices (what is done without a command)
    List,
    /// Print one value of a device, bare
    #[command(after_help = "A value that is not known is an empty line.")]
    Get {
        /// What to print
        #[arg(value_parser = arguments::field())]
        field: &'static Field,
        /// The device, if there are several
        #[arg(value_name = "DEV")]
        device: Option<Selector>,
    },
    /// Print some values of all devices, in a format of choice
    Query {
        /// What to print, separated by commas; all for everything
        #[arg(
            short = 'o',
            long = "output",
            value_name = "FIELD",
            value_parser = arguments::columns(),
            value_delimiter = ','
        )]
        columns: Vec<Columns>,
        /// How to print it
        #[arg(long, value_enum, value_delimiter = ',', default_value = "table")]
        format: Vec<Layout>,
        /// No line of headings (table, csv and raw)
        #[arg(short = 'n', long)]
        no_headings: bool,
        /// Write it to this file instead, which is replaced in one step
        #[arg(long = "output-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Submit a command to a device and wait for its completion
    Command {
        /// The command, decimal or 0x and hexadecimal, 32 bits
        #[arg(value_parser = arguments::command_value)]
        value: u32,
        /// The device, if there are several
        #[arg(value_name = "DEV")]
        device: Option<Selector>,
        /// How long to wait at most [default: 5]
        #[arg(long, value_name = "SECONDS", value_parser = arguments::seconds)]
        timeout: Option<Duration>,
    },
    /// Send a message to the host and print the answer
    #[command(after_help = arguments::CALLING)]
    Call {
        /// The message; without it, what is on stdin
        message: Option<OsString>,
        /// How long to wait at most [default: 5]
        #[arg(long, value_name = "SECONDS", value_parser = arguments::seconds)]
        timeout: Option<Duration>,
    },
    /// Wait for a condition, and print the devices that meet it
    #[command(after_help = arguments::WAITING)]
    Wait {
        /// What to wait for: present, bound, usable, gone, status=N or FIELD=VALUE
        #[arg(long = "for", value_name = "CONDITION", default_value = "present")]
        condition: Condition,
        /// How long to wait at most; for ever without it
        #[arg(long, value_name = "SECONDS", value_parser = arguments::seconds)]
        timeout: Option<Duration>,
    },
    /// Print what the devices are and every change, a line each
    #[command(after_help = arguments::WATCHING)]
    Watch {
        /// How to print it [default: text on a terminal, else ndjson]
        #[arg(long, value_enum)]
        format: Option<Lines>,
        /// How often to read what changes without an announcement; 0 for never
        #[arg(
            long,
            value_name = "SECONDS",
            default_value = "1",
            value_parser = arguments::seconds
        )]
        interval: Duration,
    },
    /// Succeed only if all devices are what is expected
    Check {
        /// The pool that they belong to
        #[arg(long, value_parser = arguments::pool)]
        pool: Option<String>,
        /// Their priority: low, medium, high
        #[arg(long, value_parser = arguments::priority)]
        priority: Option<String>,
        /// The number of the virtual machine
        #[arg(long, value_parser = arguments::vm_id)]
        vm_id: Option<u32>,
    },
    /// Write what BAR0 says to /run/vgpu, for users who may not open it
    #[command(after_help = arguments::PUBLISHING)]
    Publish,
    /// Find out why a device is not there, or not as it should be
    #[command(after_help = arguments::BUNDLING)]
    Doctor {
        /// Print all that support needs as one text
        #[arg(long)]
        bundle: bool,
    },
    /// List the fields that get, query and wait know
    Fields,
    /// Print the JSON Schema of what is written in JSON
    Schema,
    #[command(flatten)]
    Describe(Describe),
}

impl Action {
    /// The file that the result is to be written to, if it is not stdout.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Action::Query { file, .. } => file.as_deref(),
            _ => None,
        }
    }
}

/// What nvidia-smi takes, for habit's sake.
#[derive(Debug, Args)]
#[command(next_help_heading = "As with nvidia-smi")]
pub(crate) struct Habits {
    /// The same as list
    #[arg(short = 'L', long = "list-gpus")]
    pub(crate) list: bool,
    /// The same as query -o
    #[arg(
        long = "query-gpu",
        value_name = "FIELD",
        value_parser = arguments::columns(),
        value_delimiter = ',',
        hide_possible_values = true,
        conflicts_with = "list"
    )]
    pub(crate) columns: Vec<Columns>,
    /// The same as query --format, with noheader for -n [default: csv]
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true,
        requires = "columns"
    )]
    format: Vec<Layout>,
}

impl Habits {
    /// How to print the columns.
    pub(crate) fn format(&self) -> &[Layout] {
        match self.format.as_slice() {
            [] => &[Layout::Format(Format::Csv)],
            format => format,
        }
    }
}

#[cfg(test)]
mod tests;
