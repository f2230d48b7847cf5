// SPDX-License-Identifier: GPL-2.0

//! What the program says about itself, for people, shells and other programs.

use serde_json::json;
use vgpu_cli::Describe;
use vgpu_cli::completions::Named;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fields::FIELDS;
use crate::format::table;
use crate::manual::MANUAL;
use crate::report::Report;
use crate::terminal::Terminal;

/// The schema of everything that is written in JSON.
const SCHEMA: &str = include_str!("../schema/vgpuinfo-1.schema.json");

/// Lists the fields.
pub(crate) fn fields() -> Report {
    let headings = ["FIELD", "TYPE", "DESCRIPTION"].map(String::from).to_vec();
    let rows = FIELDS.iter().map(|field| {
        [field.name, field.kind.json_type(), field.help]
            .map(String::from)
            .to_vec()
    });
    let objects = FIELDS.iter().map(|field| {
        json!({
            "name": field.name,
            "type": field.kind.json_type(),
            "description": field.help,
        })
    });
    Report {
        // Not cut: who asks for descriptions wants to read them.
        text: table(
            Some(headings),
            rows.collect(),
            &Terminal {
                width: None,
                ..Terminal::stdout()
            },
        ),
        list: Some(("fields", objects.collect())),
        ..Default::default()
    }
}

/// Prints the schema.
pub(crate) fn schema() -> Report {
    text(SCHEMA.into())
}

/// Prints a completion script or the man page, or writes the man pages to files.
pub(crate) fn itself(what: &Describe) -> Report {
    let devices = Named {
        short: 'd',
        long: "device",
        // An address has colons, at which bash would part it.
        names: "vgpuinfo query -q -o name --format raw -n 2>/dev/null | grep -v '^-'; echo all",
    };
    match what.text::<Cli, Exit>(&MANUAL, Some(devices)) {
        Ok(it) => text(it),
        Err(error) => Report::failed(Failure::Output(error)),
    }
}

fn text(text: String) -> Report {
    Report {
        text,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_schema_describes_the_fields_of_the_table_in_its_order() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let properties = schema["$defs"]["device"]["properties"].as_object().unwrap();
        let names: Vec<&String> = properties.keys().collect();
        let fields = FIELDS.iter().map(|field| field.name);
        let known: Vec<&str> = fields
            .chain([
                "result",
                "sequence",
                "answer_status",
                "answer",
                "answer_base64",
            ])
            .collect();
        assert_eq!(names, known);
        for field in FIELDS {
            let property = &properties[field.name];
            assert_eq!(property["description"], field.help);
            assert_eq!(property["type"], json!([field.kind.json_type(), "null"]));
        }
    }

    #[test]
    fn every_page_of_the_manual_has_a_name_of_its_own() {
        let pages = MANUAL.pages::<Exit>(Cli::command()).unwrap();
        let mut names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
        assert!(names.contains(&&"vgpuinfo".to_owned()));
        assert!(names.contains(&&"vgpuinfo-query".to_owned()));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), pages.len());
        for (name, page) in &pages {
            assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
        }
    }
}
