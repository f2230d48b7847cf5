// SPDX-License-Identifier: GPL-2.0

//! What a run has to say, before it is written anywhere.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use vgpu_cli::Problem;

use crate::exit::Exit;
use crate::failure::Failure;

/// The number of the JSON format: fields are only added within one.
pub(crate) const SCHEMA: u32 = 1;

/// An object of a JSON document, with few members and in their order.
#[derive(Debug)]
pub(crate) struct Object(Vec<(&'static str, Value)>);

impl FromIterator<(&'static str, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(members: I) -> Self {
        Object(members.into_iter().collect())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The result of a run. As JSON it is the document.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What goes to stdout without JSON.
    pub(crate) text: String,
    /// What somebody else has to say, and goes to stdout behind that, as it is.
    pub(crate) answer: Vec<u8>,
    /// The objects in `devices` of the JSON document; `None` if the run did not
    /// come as far as looking for devices.
    pub(crate) devices: Option<Vec<Object>>,
    /// Another list of the JSON document, by its name.
    pub(crate) list: Option<(&'static str, Vec<Value>)>,
    /// How it was done, for those who ask; for stderr.
    pub(crate) details: Vec<String>,
    /// What the user should know, though nothing went wrong; for stderr.
    pub(crate) notes: Vec<String>,
    /// What went wrong, the most important first.
    pub(crate) failures: Vec<Failure>,
}

impl Report {
    /// A run that failed before it came to devices.
    pub(crate) fn failed(failure: Failure) -> Self {
        Report {
            failures: vec![failure],
            ..Default::default()
        }
    }

    /// A run that looked for devices and found none that it could take.
    pub(crate) fn without_devices(failure: Failure) -> Self {
        Report {
            devices: Some(Vec::new()),
            ..Report::failed(failure)
        }
    }

    /// How the run ended: as its first failure says.
    pub(crate) fn exit(&self) -> Exit {
        self.failures.first().map_or(Exit::Ok, Failure::exit)
    }
}

impl Serialize for Report {
    /// `error` is there if and only if the run did not end with exit code 0.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("schema", &SCHEMA)?;
        if let Some(devices) = &self.devices {
            document.serialize_entry("devices", devices)?;
        }
        if let Some((name, list)) = &self.list {
            document.serialize_entry(name, list)?;
        }
        if let Some(failure) = self.failures.first() {
            document.serialize_entry("error", &failure.json())?;
        }
        document.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_failure_decides_how_a_run_ended() {
        let mut report = Report::failed(Failure::Device("vgpu0".into(), vgpu::Error::Gone));
        report.failures.push(Failure::SomeMissing(Vec::new()));
        assert_eq!(report.exit(), Exit::Gone);
        assert_eq!(json!(report)["error"]["exit"], 6);
    }

    #[test]
    fn a_run_that_went_well_has_no_error_in_its_document() {
        let report = Report {
            devices: Some(Vec::new()),
            ..Default::default()
        };
        assert_eq!(report.exit(), Exit::Ok);
        assert_eq!(json!(report), json!({"schema": 1, "devices": []}));
    }
}
