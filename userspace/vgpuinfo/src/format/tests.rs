// SPDX-License-Identifier: GPL-2.0

use std::process::Command;

use serde_json::{Value as Json, json};

use super::*;
use crate::fields::FIELDS;

/// What shells, parsers and people trip over.
const HOSTILE: &[&str] = &[
    "it's",
    "$(touch /tmp/owned); `id` \"$HOME\" \\",
    "two\nlines\r\n",
    " blanks around\t",
    "a,b;c|d&e>f",
    "-",
    "--",
    "'\\''",
    "{}[]=\\n\\x41",
    "caf\u{e9} \u{1f600}",
    "\u{1b}[31m",
];

fn records<'a>(columns: &'a [&'a Field], values: Vec<Value>) -> Records<'a> {
    Records {
        columns,
        rows: vec![Record {
            name: Some("vgpu0".into()),
            pci: "0000:00:06.0".into(),
            values,
        }],
        complete: true,
    }
}

/// What is written of the records.
fn written(records: &Records<'_>, format: Format) -> String {
    let mut report = Report::default();
    records.put(&mut report, format, true, &Terminal::default());
    match format {
        Format::Json => json!(report).to_string(),
        _ => report.text,
    }
}

/// One record with that text as its pool.
fn hostile(text: &str, format: Format) -> String {
    let pool = [Field::named("pool_id").unwrap()];
    written(&records(&pool, vec![Value::Text(text.into())]), format)
}

#[test]
fn a_column_that_is_added_to_the_table_is_in_every_format() {
    for live in [false, true] {
        let added = Field::test_only("only_in_a_test", live);
        let columns: Vec<&Field> = FIELDS.iter().chain([&added]).collect();
        let mut values = vec![Value::Unknown; FIELDS.len()];
        values.push(Value::Decimal(271_828));
        let records = records(&columns, values);
        for format in Format::value_variants() {
            let text = written(&records, *format);
            assert!(text.contains("271828"), "{format:?}: {text}");
            let name = match format {
                Format::Table => "TEST",
                Format::Pairs => "VGPU_ONLY_IN_A_TEST=",
                _ => "only_in_a_test",
            };
            assert!(text.contains(name), "{format:?}: {text}");
        }
    }
}

#[test]
fn pairs_survive_eval_whatever_the_values_are() {
    for text in HOSTILE {
        let pairs = hostile(text, Format::Pairs);
        let script = "eval \"$1\"; printf '%s.' \"$VGPU_POOL_ID\"";
        let output = Command::new("sh")
            .args(["-euc", script, "sh", &pairs])
            .output()
            .unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{pairs}"
        );
        let value = String::from_utf8(output.stdout).unwrap();
        assert_eq!(value, format!("{text}."));
    }
}

#[test]
fn every_field_is_a_variable_that_a_shell_can_have() {
    for field in FIELDS {
        let name = field.name.bytes();
        assert!(
            name.clone()
                .all(|byte| byte == b'_' || byte.is_ascii_lowercase()),
            "{}",
            field.name
        );
    }
}

#[test]
fn csv_reads_back_whatever_the_values_are() {
    for text in HOSTILE.iter().chain(&[""]) {
        let csv = hostile(text, Format::Csv);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(reader.headers().unwrap(), vec!["pool_id"]);
        let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows, [vec![*text]], "{csv:?}");
    }
}

#[test]
fn a_raw_line_has_as_many_words_as_columns() {
    let columns = ["name", "pool_id", "driver"].map(|name| Field::named(name).unwrap());
    for text in HOSTILE.iter().chain(&["", "\u{2003}"]) {
        let values = vec![
            Value::Unknown,
            Value::Text((*text).into()),
            Value::Text("end".into()),
        ];
        let raw = records(&columns, values).raw(false);
        let words: Vec<&str> = raw.split_whitespace().collect();
        assert_eq!(words.len(), 3, "{raw:?}");
        assert_eq!((words[0], words[2]), ("-", "end"));
        assert_ne!(words[1], "-");
        assert_eq!(raw.lines().count(), 1);
    }
}

#[test]
fn json_reads_back_whatever_the_values_are() {
    for text in HOSTILE {
        let document: Json = serde_json::from_str(&hostile(text, Format::Json)).unwrap();
        assert_eq!(
            document,
            json!({"schema": 1, "devices": [{"pool_id": text}]})
        );
        let lines = hostile(text, Format::Ndjson);
        assert_eq!(lines.lines().count(), 1, "{lines:?}");
        let object: Json = serde_json::from_str(&lines).unwrap();
        assert_eq!(object, json!({"pool_id": text}));
    }
}

#[test]
fn labels_of_metrics_are_escaped_as_prometheus_wants_it() {
    let text = hostile("a \"b\" \\ c\nd", Format::Prometheus);
    assert!(text.contains(r#"pool_id="a \"b\" \\ c\nd"} 1"#), "{text}");
    for line in text.lines() {
        assert!(line.starts_with('#') || line.ends_with(" 1"), "{text:?}");
    }
}
