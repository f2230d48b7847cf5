// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo wait`.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use vgpu::{Error, Events, Info, Roots, Vgpu, Wake};

use crate::failure::Failure;
use crate::fields::{FIELDS, Field, Value};
use crate::format::Records;
use crate::gather::Row;
use crate::options::Options;
use crate::report::Report;
use crate::select::Selector;

/// How often a device is looked at that could not be read: why it could not may
/// change without an announcement. So may the identity of one of revision 1, when the
/// guest moves to another host.
const RETRY: Duration = Duration::from_secs(1);

/// What to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The device is there, with or without the driver.
    Present,
    /// The driver is bound.
    Bound,
    /// The driver is bound, and the user may open the node.
    Usable,
    /// The devices that were there when the wait began are not any more.
    Gone,
    /// A field has a value.
    Field(&'static str, Value),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once('=')) {
            ("present", _) => Ok(Condition::Present),
            ("bound", _) => Ok(Condition::Bound),
            ("usable", _) => Ok(Condition::Usable),
            ("gone", _) => Ok(Condition::Gone),
            (_, Some((name, value))) => {
                let field =
                    Field::named(name).ok_or_else(|| format!("there is no field {name}"))?;
                let value = field.parse(value)?;
                Ok(Condition::Field(field.name, value))
            }
            _ => Err("it is none of present, bound, usable, gone and FIELD=VALUE".into()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Present => f.write_str("present"),
            Condition::Bound => f.write_str("bound"),
            Condition::Usable => f.write_str("usable"),
            Condition::Gone => f.write_str("gone"),
            Condition::Field(name, value) => write!(f, "{name}={}", value.text("")),
        }
    }
}

impl Condition {
    fn field(&self) -> Option<&'static Field> {
        match self {
            Condition::Field(name, _) => Field::named(name),
            _ => None,
        }
    }

    fn holds(&self, device: &Vgpu, info: Option<&Info>) -> bool {
        match (self, self.field()) {
            (Condition::Present, _) => true,
            // Whether it may be opened was found out before.
            (Condition::Bound | Condition::Usable, _) => device.name().is_some(),
            (Condition::Field(_, wanted), Some(field)) => {
                let known = info.is_some() || !field.needs_info();
                known && field.value(device, info) == *wanted
            }
            _ => false,
        }
    }
}

/// Sleeps until `condition` holds, for `timeout` at most.
///
/// Without a device named it holds as soon as it does for one; with some named,
/// when it does for each of them.
pub(crate) fn wait(condition: &Condition, timeout: Option<Duration>, options: &Options) -> Report {
    let roots = options.roots();
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    // Before the first look, so that nothing is missed in between.
    let events = Events::new(&roots);
    if !events.are_announced() {
        options.detail("nothing is announced here: looking again every 0.1 s");
    }
    let mut watched = Watched::new(condition, options);
    let mut wake = Wake::Event;
    loop {
        let over = deadline.is_some_and(|deadline| deadline <= Instant::now());
        // The last one is fresh whatever was announced: its answer is the result.
        let fresh = wake == Wake::Event || !events.are_announced() || over;
        match watched.look(&roots, fresh) {
            Ok(Some(rows)) => return success(&rows),
            Ok(None) => {}
            Err(error) => return Report::failed(Failure::Discovery(error)),
        }
        if over {
            return watched.in_vain();
        }
        let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        let pause = [watched.pause(), left].into_iter().flatten().min();
        match events.wait(pause, None) {
            Ok(woken) => wake = woken,
            Err(error) => return Report::failed(Failure::Sleep(error)),
        }
    }
}

/// The wait, between two looks.
struct Watched<'a> {
    condition: &'a Condition,
    options: &'a Options,
    selectors: Vec<Selector>,
    /// Those of the last look that was fresh.
    devices: Vec<Vgpu>,
    /// Those of the first look.
    first: Option<Vec<Vgpu>>,
    /// Why the last look could not read some.
    errors: Vec<(String, Error)>,
    /// Whether the last look has read one that does not announce a new identity.
    silent: bool,
}

impl<'a> Watched<'a> {
    fn new(condition: &'a Condition, options: &'a Options) -> Self {
        Watched {
            condition,
            options,
            selectors: options.selectors(None),
            devices: Vec::new(),
            first: None,
            errors: Vec::new(),
            silent: false,
        }
    }

    /// The rows for which the condition holds, if it does for as many as it
    /// should. The devices are listed again only for a look that is `fresh`.
    fn look(&mut self, roots: &Roots, fresh: bool) -> Result<Option<Vec<Row>>, Error> {
        if fresh {
            self.devices = Vgpu::discover(roots)?;
            let selectors = &self.selectors;
            self.devices
                .retain(|it| selectors.is_empty() || selectors.iter().any(|by| by.selects(it)));
        }
        let first = self.first.get_or_insert_with(|| self.devices.clone());
        if *self.condition == Condition::Gone {
            let gone = !first.iter().any(Vgpu::is_present);
            return Ok(gone.then(Vec::new));
        }
        let needs_info = self.condition.field().is_some_and(Field::needs_info);
        self.errors.clear();
        self.silent = false;
        let mut rows: Vec<Row> = Vec::new();
        for device in &mut self.devices {
            if *self.condition == Condition::Usable {
                match device.check_node() {
                    Ok(()) => {}
                    // What announces itself.
                    Err(Error::DriverNeeded { .. } | Error::Gone) => continue,
                    Err(error) => {
                        self.errors.push((device.label(), error));
                        continue;
                    }
                }
            }
            let info = match needs_info.then(|| device.read(self.options.source())) {
                None => None,
                Some(Ok(info)) => {
                    self.silent |= !info.announces_identity();
                    Some(info)
                }
                Some(Err(error)) => {
                    self.errors.push((device.label(), error));
                    continue;
                }
            };
            if self.condition.holds(device, info.as_ref()) {
                rows.push((device.clone(), info));
            }
        }
        let mut names = self.selectors.iter().filter(|it| **it != Selector::All);
        let enough = match self.selectors.is_empty() {
            true => !rows.is_empty(),
            false => {
                !rows.is_empty()
                    && rows.len() == self.devices.len()
                    && names.all(|name| rows.iter().any(|(device, _)| name.selects(device)))
            }
        };
        Ok(enough.then_some(rows))
    }

    /// After which time to look again though nothing was announced.
    fn pause(&self) -> Option<Duration> {
        match self.condition.field() {
            Some(field) if field.is_live() => Some(Events::FALLBACK),
            // udev sets owner and mode a moment after the announcement.
            None if *self.condition == Condition::Usable && !self.errors.is_empty() => {
                Some(Events::FALLBACK)
            }
            _ if self.silent || !self.errors.is_empty() => Some(RETRY),
            _ => None,
        }
    }

    /// The report of a wait that took too long.
    fn in_vain(self) -> Report {
        let mut failures = vec![Failure::WaitTimeout(self.condition.to_string())];
        let errors = self.errors.into_iter();
        failures.extend(errors.map(|(label, error)| Failure::Device(label, error)));
        Report {
            devices: Some(Vec::new()),
            failures,
            ..Default::default()
        }
    }
}

fn success(rows: &[Row]) -> Report {
    // What was not read for the condition is not read for the document.
    let fields: Vec<&Field> = FIELDS
        .iter()
        .filter(|field| !field.needs_info() || rows.iter().all(|(_, info)| info.is_some()))
        .collect();
    Report {
        text: rows
            .iter()
            .map(|(device, _)| device.label() + "\n")
            .collect(),
        devices: Some(Records::new(&fields, rows).objects()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_back_as_it_is_written() {
        for text in [
            "present",
            "bound",
            "usable",
            "gone",
            "pool_id=B",
            "vm_id=200",
            "driver=",
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
        let status: Condition = "status=1".parse().unwrap();
        assert_eq!(status.to_string(), "status=0x00000001");
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in [
            "",
            "here",
            "colour=red",
            "vm_id=many",
            "=B",
            "priority=urgent",
            "pool_id=b",
            "driver=vgpu-stub",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text:?}");
        }
    }
}
