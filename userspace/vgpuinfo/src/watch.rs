// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo watch`.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json, json};
use vgpu::{Error, Events, Info, Roots, Vgpu, Wake};
use vgpu_cli::{Problem, output, stdout};

use crate::cli::Options;
use crate::failure::Failure;
use crate::fields::{FIELDS, Field};
use crate::report::{Object, Report, SCHEMA};
use crate::select::Selector;

/// Writes what the devices are, and then a line for each change, until nobody
/// reads any more.
///
/// `interval` is how often the devices are read though nothing was announced:
/// revision 1 changes its command and its status silently.
pub(crate) fn watch(interval: Option<Duration>, options: &Options) -> Report {
    // It may be long before there is something to write.
    if let Err(error) = stdout::check() {
        return Report::failed(Failure::Output(error));
    }
    let roots = options.roots();
    // Before the first look, so that nothing is missed in between.
    let events = Events::new(&roots);
    if !events.are_announced() {
        options.detail("nothing is announced here: looking again every 0.1 s");
    }
    let mut seen = Seen::new(options);
    loop {
        let lines = match seen.look(&roots) {
            Ok(lines) => lines,
            Err(error) => return Report::failed(Failure::Discovery(error)),
        };
        for line in lines {
            match output::write(&format!("{line}\n")) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Report::default();
                }
                Err(error) => return Report::failed(Failure::Output(error)),
            }
        }
        // Without a device nothing changes silently.
        let pause = interval.filter(|_| !seen.states.is_empty());
        match events.wait(pause, Some(io::stdout().as_fd())) {
            Ok(Wake::Closed) => return Report::default(),
            Ok(Wake::Event | Wake::Timeout) => {}
            Err(error) => return Report::failed(Failure::Sleep(error)),
        }
    }
}

/// What was written of a device last.
struct State {
    device: Vgpu,
    object: Object,
    error: Option<Json>,
}

/// What was written so far.
struct Seen<'a> {
    options: &'a Options,
    selectors: Vec<Selector>,
    /// In order of address.
    states: Vec<State>,
    started: bool,
}

impl<'a> Seen<'a> {
    fn new(options: &'a Options) -> Self {
        Seen {
            options,
            selectors: options.selectors(None),
            states: Vec::new(),
            started: false,
        }
    }

    /// Looks at the devices; gives a line for each difference.
    fn look(&mut self, roots: &Roots) -> Result<Vec<Json>, Error> {
        let found = Vgpu::discover(roots)?;
        let mut old = std::mem::take(&mut self.states);
        let mut lines = Vec::new();
        let mut appeared = Vec::new();
        for mut device in found {
            let before = old.iter().position(|it| it.device.is_same_as(&device));
            // A device that was named keeps being the same without its name.
            let before = before.map(|index| old.remove(index));
            if before.is_none() && !self.selects(&device) {
                continue;
            }
            let (info, error) = match device.read(self.options.source()) {
                Ok(info) => (Some(info), None),
                Err(Error::Gone) if !device.is_present() => {
                    old.extend(before);
                    continue;
                }
                Err(error) => (None, Some(error)),
            };
            let error = error.map(|error| Failure::Device(device.label(), error).json());
            let state = State {
                object: object(&device, info.as_ref()),
                device,
                error,
            };
            match before {
                None => {
                    let event = if self.started { "added" } else { "present" };
                    appeared.push(line(event, &state, None));
                }
                Some(before) => lines.extend(changes(&before, &state)),
            }
            self.states.push(state);
        }
        // What is gone makes room for what came in its place.
        let removed = old.iter().map(|state| line("removed", state, None));
        let lines = removed.chain(lines).chain(appeared).collect();
        self.started = true;
        Ok(lines)
    }

    fn selects(&self, device: &Vgpu) -> bool {
        self.selectors.is_empty() || self.selectors.iter().any(|it| it.selects(device))
    }
}

fn object(device: &Vgpu, info: Option<&Info>) -> Object {
    let values = FIELDS
        .iter()
        .map(|field: &Field| (field.name, field.value(device, info).json()));
    values.collect()
}

/// The line for what changed, if anything did.
fn changes(before: &State, after: &State) -> Option<Json> {
    let changed: Vec<Json> = after
        .object
        .members()
        .iter()
        .zip(before.object.members())
        .filter(|(after, before)| after != before)
        .map(|((name, _), _)| (*name).into())
        .collect();
    if changed.is_empty() && before.error == after.error {
        return None;
    }
    Some(line("changed", after, Some(changed)))
}

fn line(event: &str, state: &State, changed: Option<Vec<Json>>) -> Json {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut line = Map::new();
    line.insert("schema".into(), SCHEMA.into());
    line.insert("event".into(), event.into());
    // In milliseconds: what comes later in a float is not exact.
    let time = now.map_or(0, |now| now.as_millis());
    line.insert(
        "time_ms".into(),
        u64::try_from(time).unwrap_or(u64::MAX).into(),
    );
    if let Some(changed) = changed {
        line.insert("changed".into(), changed.into());
    }
    line.insert("device".into(), json!(state.object));
    if let Some(error) = &state.error {
        line.insert("error".into(), error.clone());
    }
    line.into()
}
