// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo check` and `vgpuinfo doctor` find.

use std::fs;

use serde_json::json;

use crate::guest::{Fixture, Stub, close, make_node, one, run, run_unprivileged, two};

#[test]
fn a_device_that_is_what_is_expected_passes_in_silence() {
    for arguments in [
        "",
        "--pool B",
        "--pool B --priority high --vm-id 200",
        "--vm-id 0xc8",
    ] {
        let run = run(&one(), &format!("check {arguments}"));
        assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{arguments}");
        assert_eq!(run.stderr, "", "{arguments}");
    }
}

#[test]
fn every_difference_is_a_line_on_stderr() {
    let fixture = two();
    let text = run(&fixture, "check --pool A --priority high --vm-id 7");
    assert_eq!((text.exit, text.stdout.as_str()), (8, ""));
    assert_eq!(text.stderr.lines().count(), 4);
    for line in [
        "vgpuinfo: vgpu0: pool_id is B, not A (",
        "vgpuinfo: 0000:00:07.0: vm_id is 200, not 7 (",
    ] {
        assert!(text.stderr.contains(line), "{}", text.stderr);
    }
    let document = run(&fixture, "check --priority low -d vgpu0 -J").json();
    assert_eq!(
        document["differences"],
        json!([{
            "name": "vgpu0",
            "pci": "0000:00:06.0",
            "field": "priority",
            "expected": "low",
            "actual": "high",
        }])
    );
    assert_eq!(document["error"]["kind"], "mismatch");
}

#[test]
fn a_check_of_nothing_is_no_success() {
    assert_eq!(run(&Fixture::new(), "check --pool B").exit, 3);
    assert_eq!(run(&one(), "check --pool B -d vgpu0,vgpu1").exit, 9);
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    fs::write(directory.join("resource0"), [0xff; 4096]).unwrap();
    assert_eq!(run(&fixture, "check").exit, 6);
}

#[test]
fn quiet_leaves_the_exit_code_to_say_it() {
    for (arguments, exit) in [
        ("check --pool A -q", 8),
        ("-q -d vgpu7", 3),
        ("wait -q --for gone --timeout 0", 7),
    ] {
        let run = run(&one(), arguments);
        assert_eq!((run.exit, run.stderr.as_str()), (exit, ""), "{arguments}");
    }
}

#[test]
fn verbose_says_how_it_is_done() {
    let verbose = run(&one(), "-v");
    assert_eq!(verbose.exit, 0);
    assert_eq!(verbose.stderr, "vgpuinfo: vgpu0: read through sysfs\n");
    let wait = run(&one(), "wait -v --for bound");
    assert!(wait.stderr.contains("looking again every 0.1 s"));
}

/// The verdicts of doctor, by check and fault.
fn faults(fixture: &Fixture) -> Vec<(String, String)> {
    let document = run(fixture, "doctor -J").json();
    let findings = document["findings"].as_array().unwrap().iter();
    let faults = findings.filter(|it| !it["fault"].is_null()).map(|it| {
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        (text("verdict"), text("fault"))
    });
    faults.collect()
}

fn problem(fault: &str) -> (String, String) {
    ("problem".into(), fault.into())
}

#[test]
fn the_doctor_finds_nothing_where_all_is_well() {
    let fixture = one();
    fixture.link_node("vgpu0");
    fs::create_dir_all(fixture.root().join("sys/bus/pci/drivers/vgpu_stub")).unwrap();
    let run = run(&fixture, "doctor");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout.lines().count(), 7);
    for line in run.stdout.lines() {
        assert!(line.starts_with("ok       "), "{line}");
    }
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    assert_eq!(faults(&Fixture::new())[0], problem("no_device"));

    let fixture = Fixture::new();
    fixture.add(&Stub::at("0000:00:06.0").driver("vfio-pci"));
    assert!(faults(&fixture).contains(&problem("bound_elsewhere")));
    let text = run(&fixture, "doctor");
    assert_eq!(text.exit, 8);
    let line = text
        .stdout
        .lines()
        .find(|line| line.contains("vfio-pci is bound"));
    let line = line.unwrap();
    assert!(
        line.starts_with("problem  driver     0000:00:06.0: "),
        "{line}"
    );
    assert!(line.contains("drivers/vfio-pci/unbind"), "{line}");

    let fixture = one();
    assert!(faults(&fixture).contains(&problem("no_node")));
    fixture.write_node("vgpu0");
    assert!(faults(&fixture).contains(&problem("wrong_node")));
}

#[test]
fn the_doctor_names_the_driver_that_has_a_class_of_the_same_name() {
    let fixture = Fixture::new();
    fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0").driver("mediator"));
    assert!(faults(&fixture).contains(&problem("foreign_class")));
    let text = run(&fixture, "doctor").stdout;
    let line = text.lines().find(|line| line.contains("  class  "));
    assert!(line.unwrap().contains("the driver mediator"), "{text}");
    // Its device is not called what that driver calls it.
    assert_eq!(run(&fixture, "get name").stdout, "\n");
    assert_eq!(run(&fixture, "get pool_id -d vgpu0").exit, 3);
}

#[test]
fn a_node_that_is_closed_to_the_user_is_a_warning() {
    let fixture = one();
    fs::create_dir_all(fixture.root().join("sys/bus/pci/drivers/vgpu_stub")).unwrap();
    make_node(&fixture, "vgpu0");
    close(fixture.root().join("dev/vgpu0"));
    let run = run_unprivileged(&fixture, "doctor");
    assert_eq!(run.exit, 0, "{}", run.stdout);
    let warning = run.stdout.lines().find(|line| line.starts_with("warning"));
    assert!(warning.unwrap().contains("the group vgpu"));
}

#[test]
fn the_doctor_of_one_device_says_nothing_of_the_others() {
    let run = run(&two(), "doctor -d vgpu0");
    assert!(!run.stdout.contains("0000:00:07.0"), "{}", run.stdout);
    assert!(run.stdout.contains("vgpu0: "));
}
