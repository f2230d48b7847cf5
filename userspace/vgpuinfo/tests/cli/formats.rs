// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo query` prints in each format. The texts are in tests/golden;
//! VGPUINFO_GOLDEN=write in the environment makes them anew.

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs};

use crate::guest::{Fixture, Stub, one, run, two, vgpuinfo};
use crate::schema;

const FORMATS: [&str; 7] = [
    "table",
    "csv",
    "json",
    "ndjson",
    "pairs",
    "raw",
    "prometheus",
];

/// A device with the driver, one with another driver, one that cannot be read.
fn three() -> Fixture {
    let fixture = two();
    let silent = fixture.add(&Stub::at("0000:0a:00.0"));
    fs::write(silent.join("config"), [0; 64]).unwrap();
    fixture
}

#[test]
fn each_format_is_the_one_that_was_promised() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for format in FORMATS {
        let run = run(&three(), &format!("query -o all --format {format}"));
        assert_eq!(run.exit, 5, "{format}");
        assert!(run.stderr.contains("0000:0a:00.0: the device's memory"));
        let path = directory.join(format);
        if env::var_os("VGPUINFO_GOLDEN").is_some() {
            fs::write(&path, &run.stdout).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        assert_eq!(run.stdout, golden, "{format}");
    }
}

#[test]
fn the_fields_come_in_the_order_asked_for() {
    let run = run(&one(), "query -o vm_id,pci,pool_id --format csv");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, "vm_id,pci,pool_id\n200,0000:00:06.0,B\n");
}

#[test]
fn headings_can_be_left_out() {
    for (format, line) in [
        ("table", "B     200\n"),
        ("csv", "B,200\n"),
        ("raw", "B 200\n"),
    ] {
        let query = format!("query -o pool_id,vm_id --format {format}");
        let with = run(&one(), &query).stdout;
        let without = run(&one(), &format!("{query} -n")).stdout;
        assert_eq!(with.lines().count(), 2, "{format}");
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&without), squeezed(line), "{format}");
    }
}

#[test]
fn what_nvidia_smi_takes_is_taken() {
    let fixture = one();
    let query = "--query-gpu=pci,vm_id --format=csv,noheader,nounits";
    let query = run(&fixture, query);
    assert_eq!(
        (query.exit, query.stdout.as_str()),
        (0, "0000:00:06.0,200\n")
    );
    assert_eq!(run(&fixture, "-L").stdout, run(&fixture, "list").stdout);
}

#[test]
fn several_formats_at_once_are_wrong_usage() {
    for arguments in ["query --format csv,json", "query --format noheader"] {
        assert_eq!(run(&one(), arguments).exit, 2, "{arguments}");
    }
}

#[test]
fn csv_reads_back_with_a_csv_library() {
    let text = run(&three(), "query -o all --format csv").stdout;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<HashMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["name"], "vgpu0");
    assert_eq!(rows[0]["vendor_name"], "Red Hat, Inc.");
    assert_eq!(rows[1]["driver"], "vfio-pci");
    assert_eq!((&*rows[2]["name"], &*rows[2]["pool_id"]), ("", ""));
}

#[test]
fn prometheus_gets_identity_as_labels_and_commands_as_values() {
    let text = run(&three(), "query --format prometheus").stdout;
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    let samples = |metric: &str, pci: &str| {
        let samples = scrape.samples.iter();
        let matching = samples
            .filter(|it| it.metric == metric && it.labels.get("pci") == Some(pci))
            .cloned();
        matching.collect::<Vec<_>>()
    };
    let [info] = &samples("vgpu_info", "0000:00:06.0")[..] else {
        panic!("{text}");
    };
    for (label, value) in [
        ("name", "vgpu0"),
        ("pool_id", "B"),
        ("priority", "high"),
        ("vm_id", "200"),
        ("driver", "vgpu_stub"),
    ] {
        assert_eq!(info.labels.get(label), Some(value), "{text}");
    }
    for (metric, value) in [
        ("vgpu_info", 1.0),
        ("vgpu_command", 5.0),
        ("vgpu_status", 1.0),
    ] {
        let samples = samples(metric, "0000:00:06.0");
        assert_eq!(samples.len(), 1, "{metric}");
        assert_eq!(samples[0].value, prometheus_parse::Value::Gauge(value));
    }
    // What is not known is neither a label nor a sample.
    assert_eq!(samples("vgpu_info", "0000:0a:00.0").len(), 1);
    assert!(samples("vgpu_status", "0000:0a:00.0").is_empty());
    assert!(scrape.docs.contains_key("vgpu_status"));
}

#[test]
fn what_is_written_in_json_is_what_the_schema_says() {
    for (arguments, exit) in [
        ("-J", 5),
        ("query -o pci,status --format json", 5),
        ("get vm_id -d vgpu0 -J", 0),
        ("get vm_id -J", 2),
        ("command 5 vgpu0 -J", 0),
        ("check -J --pool A --vm-id 200", 5),
        ("check -J --pool A -d vgpu0", 8),
        ("doctor -J", 8),
        ("fields -J", 0),
        ("wait -J --for bound", 0),
        ("wait -J --for gone --timeout 0", 7),
        ("nonsense -J", 2),
        ("-J -d vgpu9", 3),
        ("-J -d vgpu9,vgpu0", 9),
    ] {
        let run = run(&three(), arguments);
        assert_eq!(run.exit, exit, "{arguments}");
        schema::check("document", &run.json());
        assert_eq!(run.json().get("error").is_some(), exit != 0, "{arguments}");
    }
    for line in run(&three(), "query --format ndjson").stdout.lines() {
        schema::check("device", &serde_json::from_str(line).unwrap());
    }
}

/// A command line run on a terminal of 50 columns, by util-linux's script.
fn on_terminal(arguments: &str, environment: &str) -> String {
    let fixture = one();
    let command = vgpuinfo(&fixture, arguments);
    let words: Vec<_> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let inside = format!("stty cols 50; TERM=linux {environment} {}", words.join(" "));
    let output = std::process::Command::new("script")
        .args(["-qec", &inside, "/dev/null"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn on_a_terminal_lines_fit_and_headings_stand_out() {
    let text = on_terminal("", "");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text:?}");
    assert!(lines[0].starts_with("\x1b[1mNAME"), "{text:?}");
    assert!(lines[1].contains('\u{2026}') && lines[1].chars().count() <= 50);
}

#[test]
fn there_is_no_colour_with_no_color_nor_on_a_dumb_terminal() {
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        for arguments in ["", "doctor", "fields"] {
            let text = on_terminal(arguments, environment);
            assert!(
                !text.contains('\x1b'),
                "{environment} {arguments}: {text:?}"
            );
        }
    }
    assert!(on_terminal("doctor", "NO_COLOR=").contains("\x1b["));
}

#[test]
fn a_pipe_gets_whole_lines_and_no_colour() {
    let run = run(&one(), "query -o all");
    assert!(!run.stdout.contains(['\x1b', '\u{2026}']));
    assert!(run.stdout.contains("Processing accelerators"));
}

#[test]
fn a_field_that_is_named_twice_is_there_once_where_names_count() {
    let columns = "-o vm_id,pci,status,vm_id,all,status";
    for format in ["json", "ndjson", "pairs", "prometheus"] {
        let twice = run(&one(), &format!("query {columns} --format {format}")).stdout;
        let once = run(
            &one(),
            &format!("query -o vm_id,pci,status,all --format {format}"),
        );
        assert_eq!(twice, once.stdout, "{format}");
        for name in ["\"vm_id\"", "VM_ID=", "vm_id=", "TYPE vgpu_status"] {
            assert!(twice.matches(name).count() < 2, "{format}: {twice}");
        }
    }
    let csv = run(&one(), "query -o vm_id,vm_id --format csv").stdout;
    assert_eq!(csv, "vm_id,vm_id\n200,200\n");
}

#[test]
fn a_file_is_replaced_by_what_stdout_would_have_got() {
    let fixture = two();
    let file = fixture.root().join("vgpu.out");
    for format in FORMATS {
        let query = format!("query --format {format}");
        let expected = run(&fixture, &query).stdout;
        let written = run(
            &fixture,
            &format!("{query} --output-file {}", file.display()),
        );
        assert_eq!((written.exit, written.stdout.as_str()), (0, ""), "{format}");
        assert_eq!(fs::read_to_string(&file).unwrap(), expected, "{format}");
    }
}

#[test]
fn a_file_says_that_there_is_no_device_any_more() {
    let fixture = one();
    let file = fixture.root().join("vgpu.out");
    let write = |format: &str, exit| {
        let query = format!("query --format {format} --output-file {}", file.display());
        let run = run(&fixture, &query);
        assert_eq!((run.exit, run.stdout.as_str()), (exit, ""), "{format}");
        fs::read_to_string(&file).unwrap()
    };
    assert!(write("prometheus", 0).contains("pool_id=\"B\""));
    fixture.unplug("0000:00:06.0");
    let text = write("prometheus", 3);
    assert!(!text.contains("vgpu_info{"), "{text}");
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    assert_eq!(scrape.samples.len(), 1);
    assert_eq!(scrape.samples[0].metric, "vgpu_devices");
    assert_eq!(write("csv", 3).lines().count(), 1);
    assert_eq!(write("ndjson", 3), "");
    let document: serde_json::Value = serde_json::from_str(&write("json", 3)).unwrap();
    assert_eq!(document["devices"], serde_json::json!([]));
    assert_eq!(document["error"]["kind"], "no_device");

    // Whether there is one is not known.
    fs::remove_dir_all(fixture.root().join("sys")).unwrap();
    assert!(!write("prometheus", 1).contains("vgpu_devices"));
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_wrong_usage_writes_none() {
    let fixture = one();
    let run_to =
        |file: &str, more: &str| run(&fixture, &format!("query --output-file {file} {more}"));
    let full = run_to("/dev/full", "");
    assert_eq!(full.exit, 1);
    assert!(
        full.stderr.contains("/dev/full: cannot write it"),
        "{}",
        full.stderr
    );
    assert!(full.stderr.contains("make room"), "{}", full.stderr);
    let file = fixture.root().join("vgpu.out");
    let wrong = run_to(file.to_str().unwrap(), "--format csv,json");
    assert_eq!((wrong.exit, file.exists()), (2, false));
}
