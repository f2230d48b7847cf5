// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use vgpu::{Source, parse_u32};

use crate::exit::Exit;
use crate::fields::{FIELDS, Field};
use crate::select::Selector;

/// Shows the vGPU stubs of this machine: pool, priority and VM id.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = Exit::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List the devices (what is done without a command)
    List,
    /// Print one value of a device, bare
    #[command(after_help = "A value that is not known is an empty line.")]
    Get {
        /// What to print
        #[arg(value_parser = field_parser())]
        field: &'static Field,
        /// The device, if there are several
        #[arg(value_name = "DEV")]
        device: Option<Selector>,
    },
    /// Submit a command to a device and wait for its completion
    Command {
        /// The command, decimal or 0x and hexadecimal, 32 bits
        #[arg(value_parser = command_value)]
        value: u32,
        /// The device, if there are several
        #[arg(value_name = "DEV")]
        device: Option<Selector>,
        /// How long to wait at most [default: 5]
        #[arg(long, value_name = "SECONDS", value_parser = timeout)]
        timeout: Option<Duration>,
    },
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options")]
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
    /// Where to read the devices
    #[arg(long, value_enum, default_value = "auto", global = true)]
    source: SourceArgument,
    /// Look for sys and dev in this directory
    #[arg(long, value_name = "DIR", default_value = "/", global = true)]
    pub(crate) sysroot: PathBuf,
}

impl Options {
    /// Where to read the devices.
    pub(crate) fn source(&self) -> Source {
        match self.source {
            SourceArgument::Auto => Source::Auto,
            SourceArgument::Sysfs => Source::Sysfs,
            SourceArgument::Chardev => Source::Chardev,
            SourceArgument::Bar => Source::Bar,
        }
    }

    /// The devices that were named, by an argument and by options.
    pub(crate) fn selectors(&self, argument: Option<&Selector>) -> Vec<Selector> {
        self.devices.iter().chain(argument).cloned().collect()
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SourceArgument {
    /// sysfs where the driver is bound, else bar
    Auto,
    /// The attributes in /sys/class/vgpu
    Sysfs,
    /// The device node, /dev/vgpuN
    Chardev,
    /// BAR0, without a driver
    Bar,
}

fn field_parser() -> impl TypedValueParser<Value = &'static Field> {
    PossibleValuesParser::new(
        FIELDS
            .iter()
            .map(|field| PossibleValue::new(field.name).help(field.help)),
    )
    .try_map(|name| Field::named(&name).ok_or("no such field"))
}

fn command_value(text: &str) -> Result<u32, &'static str> {
    parse_u32(text).ok_or("a command is a 32-bit number, decimal or 0x and hexadecimal")
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a timeout is a number of seconds, such as 5 or 0.5";
    // Its range is the library's business.
    let seconds = text.parse::<f64>().map_err(|_| WRONG)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| WRONG)
}

/// Whether arguments that make no sense ask for JSON nevertheless: then the
/// error is to be a document too.
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.to_str())
        .take_while(|argument| *argument != "--")
        .any(|argument| match argument.strip_prefix('-') {
            Some("-json") => true,
            Some(long) if long.starts_with('-') => false,
            // What follows a d is its value.
            Some(short) => short.chars().take_while(|c| *c != 'd').any(|c| c == 'J'),
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(format!("vgpuinfo {arguments}").split_whitespace())
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_behind_the_command() {
        for arguments in [
            "-J -d vgpu0 get pool_id",
            "get -J pool_id -d vgpu0",
            "get pool_id --device=vgpu0 --json",
        ] {
            let options = parse(arguments).unwrap().options;
            assert!(options.json, "{arguments}");
            assert_eq!(options.devices, [Selector::Name("vgpu0".into())]);
        }
    }

    #[test]
    fn what_is_no_field_command_timeout_or_device_is_refused() {
        for arguments in [
            "get",
            "get colour",
            "command",
            "command five",
            "command -1",
            "command 0x100000000",
            "command 5 --timeout soon",
            "command 5 --timeout -1",
            "command 5 --timeout inf",
            "command 5 --timeout NaN",
            "list vgpu0",
            "list -d 00:06",
            "--source pci",
            "query",
        ] {
            assert!(parse(arguments).is_err(), "{arguments}");
        }
    }

    #[test]
    fn json_is_recognised_in_arguments_that_make_no_sense() {
        let wants = |arguments: &str| {
            let arguments: Vec<OsString> =
                arguments.split_whitespace().map(OsString::from).collect();
            wants_json(&arguments)
        };
        assert!(wants("vgpuinfo --json nonsense"));
        assert!(wants("vgpuinfo nonsense -J"));
        assert!(wants("vgpuinfo -Jd vgpu0 nonsense"));
        assert!(!wants("vgpuinfo nonsense"));
        assert!(!wants("vgpuinfo -dJ nonsense"));
        assert!(!wants("vgpuinfo -- -J"));
        assert!(!wants("-J"));
    }
}
