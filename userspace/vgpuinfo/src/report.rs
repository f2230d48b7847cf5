// SPDX-License-Identifier: GPL-2.0

//! What a run has to say, before it is written anywhere.

use serde_json::{Map, Value};
use vgpu_cli::Problem;

use crate::exit::Exit;
use crate::failure::Failure;

/// The number of the JSON format: fields are only added within one.
pub(crate) const SCHEMA: u32 = 1;

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What goes to stdout without JSON.
    pub(crate) text: String,
    /// The objects in `devices` of the JSON document; `None` if the run did not
    /// come as far as looking for devices.
    pub(crate) devices: Option<Vec<Map<String, Value>>>,
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

    /// The JSON document: `error` is there if and only if the run did not end
    /// with exit code 0.
    pub(crate) fn into_document(self) -> Value {
        let mut document = Map::new();
        document.insert("schema".into(), SCHEMA.into());
        if let Some(devices) = self.devices {
            let devices = devices.into_iter().map(Value::Object).collect();
            document.insert("devices".into(), Value::Array(devices));
        }
        if let Some((name, list)) = self.list {
            document.insert(name.into(), Value::Array(list));
        }
        if let Some(failure) = self.failures.first() {
            document.insert("error".into(), failure.json());
        }
        document.into()
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
        assert_eq!(report.into_document()["error"]["exit"], 6);
    }

    #[test]
    fn a_run_that_went_well_has_no_error_in_its_document() {
        let report = Report {
            devices: Some(Vec::new()),
            ..Default::default()
        };
        assert_eq!(report.exit(), Exit::Ok);
        assert_eq!(report.into_document(), json!({"schema": 1, "devices": []}));
    }
}
