// SPDX-License-Identifier: GPL-2.0

//! What happened to a device, as programs and as people read it.

use std::time::SystemTime;

use serde_json::{Map, Value as Json, json};
use vgpu::{Info, Vgpu};
use vgpu_cli::Problem;
use vgpu_cli::clock::time_of_day;

use crate::failure::Failure;
use crate::fields::{FIELDS, Field, Value};
use crate::report::{Object, SCHEMA};

/// Fields that a person needs no line for, as another one has the same in words.
const IMPLIED: &[&str] = &["priority_raw", "config_generation", "source"];
/// What a person is told of a device that comes.
const IDENTITY: &[&str] = &["pool_id", "priority", "vm_id", "driver"];
/// What stands for an unknown value.
const UNKNOWN: &str = "-";

/// A device as it was read.
#[derive(Debug)]
pub(super) struct State {
    pub(super) device: Vgpu,
    values: Vec<Value>,
    error: Option<Unreadable>,
}

/// Why a device could not be read.
#[derive(Debug, PartialEq)]
struct Unreadable {
    /// As programs read it.
    json: Json,
    /// As people do, behind the device's name.
    message: String,
}

impl Unreadable {
    fn new(device: &Vgpu, error: vgpu::Error) -> Self {
        Unreadable {
            message: error.to_string(),
            json: Failure::Device(device.label(), error).json(),
        }
    }
}

impl State {
    /// `device`, of which `info` could be read, or which failed.
    pub(super) fn new(device: Vgpu, info: Result<Info, vgpu::Error>) -> Self {
        let (info, error) = match info {
            Ok(info) => (Some(info), None),
            Err(error) => (None, Some(Unreadable::new(&device, error))),
        };
        let values = FIELDS
            .iter()
            .map(|field| field.value(&device, info.as_ref()));
        State {
            values: values.collect(),
            device,
            error,
        }
    }

    fn object(&self) -> Object {
        let members = FIELDS.iter().zip(&self.values);
        members
            .map(|(field, value)| (field.name, value.json()))
            .collect()
    }

    /// The fields that differ, with the value `before` and the one now.
    fn differences<'a>(
        &'a self,
        before: &'a State,
    ) -> impl Iterator<Item = (&'static Field, &'a Value, &'a Value)> {
        let values = before.values.iter().zip(&self.values);
        FIELDS
            .iter()
            .zip(values)
            .filter(|(_, (before, now))| before != now)
            .map(|(field, (before, now))| (field, before, now))
    }

    /// What a person is told of the device, or why nothing can be told.
    fn words(&self) -> String {
        if let Some(error) = &self.error {
            return error.message.clone();
        }
        let known = FIELDS.iter().zip(&self.values);
        let words = known
            .filter(|(field, value)| IDENTITY.contains(&field.name) && !value.is_unknown())
            .map(|(field, value)| format!("{} {}", field.name, value.text(UNKNOWN)));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// What happened to a device.
pub(super) enum Change<'a> {
    /// It was there from the start.
    Present(&'a State),
    /// It came.
    Added(&'a State),
    /// Something of it is not what it was.
    Changed { before: &'a State, now: &'a State },
    /// It went.
    Removed(&'a State),
}

impl<'a> Change<'a> {
    /// What changed between two looks at a device, if anything did.
    pub(super) fn between(before: &'a State, now: &'a State) -> Option<Self> {
        let same = before.values == now.values && before.error == now.error;
        (!same).then_some(Change::Changed { before, now })
    }

    fn name(&self) -> &'static str {
        match self {
            Change::Present(_) => "present",
            Change::Added(_) => "added",
            Change::Changed { .. } => "changed",
            Change::Removed(_) => "removed",
        }
    }

    fn state(&self) -> &'a State {
        match self {
            Change::Present(state) | Change::Added(state) | Change::Removed(state) => state,
            Change::Changed { now, .. } => now,
        }
    }

    /// The object that programs read.
    pub(super) fn json(&self, time: SystemTime) -> Json {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let mut line = Map::new();
        line.insert("schema".into(), SCHEMA.into());
        line.insert("event".into(), self.name().into());
        // In milliseconds: what comes later in a float is not exact.
        let milliseconds = since.map_or(0, |since| since.as_millis());
        line.insert(
            "time_ms".into(),
            u64::try_from(milliseconds).unwrap_or(u64::MAX).into(),
        );
        if let Change::Changed { before, now } = self {
            let changed = now.differences(before).map(|(field, ..)| field.name);
            line.insert("changed".into(), changed.collect());
        }
        let state = self.state();
        line.insert("device".into(), json!(state.object()));
        if let Some(error) = &state.error {
            line.insert("error".into(), error.json.clone());
        }
        line.into()
    }

    /// The line that people read, with an arrow that the terminal can show.
    pub(super) fn words(&self, time: SystemTime, unicode: bool) -> String {
        let arrow = if unicode { "\u{2192}" } else { "->" };
        let (device, words) = match self {
            Change::Present(state) | Change::Added(state) => {
                (&state.device, format!("{}: {}", self.name(), state.words()))
            }
            Change::Removed(state) => (&state.device, self.name().into()),
            Change::Changed { before, now } => {
                // By the name that the lines above have.
                (&before.device, difference(before, now, arrow))
            }
        };
        format!("{} {} {words}", time_of_day(time), device.label())
    }
}

/// What changed, in words.
fn difference(before: &State, now: &State, arrow: &str) -> String {
    match (&before.error, &now.error) {
        (before, Some(error)) if before.as_ref() != Some(error) => {
            return format!("cannot be read: {}", error.message);
        }
        (Some(_), None) => return format!("can be read again: {}", now.words()),
        _ => {}
    }
    let (implied, told): (Vec<_>, Vec<_>) = now
        .differences(before)
        .partition(|(field, ..)| IMPLIED.contains(&field.name));
    let shown = if told.is_empty() { implied } else { told };
    let words = shown.iter().map(|(field, before, now)| {
        let [before, now] = [before, now].map(|value| value.text(UNKNOWN));
        format!("{} {before} {arrow} {now}", field.name)
    });
    words.collect::<Vec<_>>().join(", ")
}
