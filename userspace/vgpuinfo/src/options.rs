// SPDX-License-Identifier: GPL-2.0

//! The options that all commands take.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use vgpu::{Roots, Source};
use vgpu_cli::output::complain;

use crate::output::Verbosity;
use crate::select::Selector;

/// Options of all commands, as they were parsed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Options {
    /// Only this device: vgpu0, 0000:00:06.0, 00:06.0 or all; may be repeated
    #[arg(
        short = 'd',
        long = "device",
        value_name = "DEV",
        global = true,
        value_delimiter = ','
    )]
    devices: Vec<Selector>,
    /// Print a JSON document
    #[arg(short = 'J', long, global = true)]
    pub(crate) json: bool,
    // Each default that clap knows is parsed, and copied to every subcommand.
    /// Where to read the devices [default: auto]
    #[arg(long, value_enum, global = true)]
    source: Option<SourceArgument>,
    /// Nothing on stderr: the exit code says it
    #[arg(short = 'q', long, global = true)]
    quiet: bool,
    /// How it is done, on stderr
    #[arg(short = 'v', long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Look for sys and dev in this directory [default: /]
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    sysroot: Option<PathBuf>,
}

impl Options {
    /// Where to read the devices.
    pub(crate) fn source(&self) -> Source {
        match self.source {
            None | Some(SourceArgument::Auto) => Source::Auto,
            Some(SourceArgument::Sysfs) => Source::Sysfs,
            Some(SourceArgument::Chardev) => Source::Chardev,
            Some(SourceArgument::Bar) => Source::Bar,
            Some(SourceArgument::Published) => Source::Published,
        }
    }

    /// Where sys and dev are.
    pub(crate) fn roots(&self) -> Roots {
        self.sysroot.as_ref().map(Roots::under).unwrap_or_default()
    }

    /// Returns a text in which paths begin where the machine that is looked at has its root:
    /// where a copy of it is says more about who made it.
    pub(crate) fn without_sysroot(&self, text: &str) -> String {
        match &self.sysroot {
            Some(directory) if directory.is_absolute() && directory.parent().is_some() => {
                let directory = directory.display().to_string();
                text.replace(&format!("{}/", directory.trim_end_matches('/')), "/")
            }
            _ => text.into(),
        }
    }

    /// The devices that were named, by an argument and by options.
    pub(crate) fn selectors(&self, argument: Option<&Selector>) -> Vec<Selector> {
        self.devices.iter().chain(argument).cloned().collect()
    }

    /// How much goes to stderr.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    /// Says how something is done, to who asked for it.
    pub(crate) fn detail(&self, detail: &str) {
        if self.verbosity() == Verbosity::Verbose {
            complain(&format!("vgpuinfo: {detail}"));
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SourceArgument {
    /// sysfs where the driver is bound, else bar or, where that may not be opened, published
    Auto,
    /// The attributes in /sys/class/vgpu
    Sysfs,
    /// The device node, /dev/vgpuN
    Chardev,
    /// BAR0, without a driver
    Bar,
    /// What vgpuinfo publish has written to /run/vgpu
    Published,
}
