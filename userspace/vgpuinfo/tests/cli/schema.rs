// SPDX-License-Identifier: GPL-2.0

//! The schema that the command prints, against what the command prints.

use serde_json::{Value, json};

use crate::guest::{Fixture, run};

/// Checks that `value` is what the schema calls `definition`, with nothing in it
/// that the schema does not know.
pub(crate) fn check(definition: &str, value: &Value) {
    let mut schema = run(&Fixture::new(), "schema").json();
    for definition in schema["$defs"].as_object_mut().unwrap().values_mut() {
        // The schema itself lets what is added later pass.
        definition["additionalProperties"] = false.into();
    }
    schema["$ref"] = format!("#/$defs/{definition}").into();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{value:#}\n{errors:#?}");
}

#[test]
fn the_schema_is_valid_and_refuses_what_is_none_of_its_documents() {
    let schema = run(&Fixture::new(), "schema").json();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&json!({"schema": 1, "devices": []})));
    for wrong in [
        json!([]),
        json!({}),
        json!({"schema": 2}),
        json!({"schema": 1, "devices": [{"vm_id": "200"}]}),
        json!({"schema": 1, "error": {"kind": "usage"}}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
