// SPDX-License-Identifier: GPL-2.0

//! Arguments with a grammar of their own.

use std::ffi::OsString;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use vgpu_cli::usage;

use crate::fields::{FIELDS, Field};
use crate::format::Format;
use crate::values;

/// What the help of `wait` says at its end.
pub(super) const WAITING: &str = "\
With devices named, by -d, it has to be so of each of them; else of one. \
The kernel announces that a device comes, goes, is bound or changes its identity. \
A device of revision 1 does not announce its status, which is read ten times a second, \
nor that it has another identity after a migration: that is read once a second. \
usable is a node that this user may open; bound comes earlier, before udev has set its mode.";

/// The same of `call`.
pub(super) const CALLING: &str = "\
The answer is printed as it came. What it means, and what a status other than 0 does, is \
between this guest's programs and the host's: the page Messages of the documentation is for \
both. It takes the driver, a device of revision 3, and the right to write to its node.";

/// The same of `watch`.
pub(super) const WATCHING: &str = "\
On a terminal it prints a change in words, with the time; in a pipe and with -J, a JSON object. \
The first lines are the devices that are there, with the event present; \
then come added, changed and removed. \
The kernel announces all but the command, the status and, after a migration, the \
identity of a device of revision 1: see --interval. It ends when nobody reads any more.";

/// The same of `publish`.
pub(super) const PUBLISHING: &str = "\
Each device without the driver has a directory in /run/vgpu, with a file for each value and one \
for the time, in seconds since 1970. It is replaced in one step, and removed once the device \
is gone or has the driver. It takes root.";

/// The same of `doctor`.
pub(super) const BUNDLING: &str = "\
The text of --bundle says in its first lines what is in it, so that you can read it before you \
send it. It has no names of hosts and users, no network addresses and no environment. What cannot \
be read says why: as root it has the kernel log, too. The exit code is the same with it.";

/// What the name of no field is: all of them.
const ALL: &str = "all";

/// What `-o` names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    All,
    One(&'static Field),
}

impl Columns {
    /// The fields that are named, in order.
    pub(crate) fn fields(columns: &[Columns]) -> Vec<&'static Field> {
        let fields = columns.iter().flat_map(|columns| match columns {
            Columns::All => FIELDS.iter().collect(),
            Columns::One(field) => vec![*field],
        });
        fields.collect()
    }
}

/// A part of what `--format` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The format: there is one.
    Format(Format),
    /// No line of headings.
    NoHeader,
    /// There are no units that could be left out.
    NoUnits,
}

impl Layout {
    /// The format that the parts name, and whether it is to have headings.
    ///
    /// # Errors
    /// What is wrong with them together.
    pub(crate) fn format(parts: &[Layout]) -> Result<(Format, bool), String> {
        let formats: Vec<Format> = parts
            .iter()
            .filter_map(|part| match part {
                Layout::Format(format) => Some(*format),
                Layout::NoHeader | Layout::NoUnits => None,
            })
            .collect();
        match formats.as_slice() {
            [format] => Ok((*format, !parts.contains(&Layout::NoHeader))),
            [] => Err("--format names no format".into()),
            _ => Err("--format names several formats".into()),
        }
    }
}

impl ValueEnum for Layout {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: &[Layout] = &[
            Layout::Format(Format::Table),
            Layout::Format(Format::Csv),
            Layout::Format(Format::Json),
            Layout::Format(Format::Ndjson),
            Layout::Format(Format::Pairs),
            Layout::Format(Format::Raw),
            Layout::Format(Format::Prometheus),
            Layout::NoHeader,
            Layout::NoUnits,
        ];
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Layout::Format(format) => format.to_possible_value(),
            Layout::NoHeader => Some(PossibleValue::new("noheader").hide(true)),
            Layout::NoUnits => Some(PossibleValue::new("nounits").hide(true)),
        }
    }
}

fn field_names() -> impl Iterator<Item = PossibleValue> {
    FIELDS
        .iter()
        .map(|field| PossibleValue::new(field.name).help(field.help))
}

pub(super) fn field() -> impl TypedValueParser<Value = &'static Field> {
    PossibleValuesParser::new(field_names())
        .try_map(|name| Field::named(&name).ok_or("no such field"))
}

pub(super) fn columns() -> impl TypedValueParser<Value = Columns> {
    let all = PossibleValue::new(ALL).help("All of them");
    PossibleValuesParser::new(field_names().chain([all])).try_map(|name| match name.as_str() {
        ALL => Ok(Columns::All),
        name => Field::named(name).map(Columns::One).ok_or("no such field"),
    })
}

pub(super) fn command_value(text: &str) -> Result<u32, String> {
    values::number(text)
}

pub(super) fn vm_id(text: &str) -> Result<u32, String> {
    values::number(text)
}

pub(super) fn pool(text: &str) -> Result<String, String> {
    values::pool(text)
}

pub(super) fn priority(text: &str) -> Result<String, String> {
    values::priority(text)
}

pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a time is a number of seconds, such as 5 or 0.5";
    // Its range is the library's business.
    let seconds = text.parse::<f64>().map_err(|_| WRONG)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| WRONG)
}

/// Whether arguments that make no sense ask for JSON nevertheless.
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    usage::wants_json(arguments, &['d', 'o'], &["--format=json"])
}
