// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo get` prints.

use serde_json::json;

use crate::guest::{Fixture, Stub, close, one, run, run_unprivileged, two};

#[test]
fn a_value_is_bare_and_ends_in_one_newline() {
    for (field, value) in [
        ("name", "vgpu0"),
        ("pci", "0000:00:06.0"),
        ("driver", "vgpu_stub"),
        ("pool_id", "B"),
        ("priority", "high"),
        ("priority_raw", "2"),
        ("vm_id", "200"),
        ("command", "0x00000005"),
        ("status", "0x00000001"),
        ("revision", "1"),
    ] {
        let run = run(&one(), &format!("get {field}"));
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
        assert_eq!(run.stdout, format!("{value}\n"));
    }
}

#[test]
fn a_value_that_is_not_known_is_an_empty_line() {
    let run = run(&two(), "get name 00:07.0");
    assert_eq!((run.exit, run.stdout.as_str()), (0, "\n"));
}

#[test]
fn of_several_devices_one_has_to_be_named() {
    let fixture = two();
    let refused = run(&fixture, "get pool_id");
    assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""));
    assert!(
        refused
            .stderr
            .contains("there are 2 devices: vgpu0, 0000:00:07.0")
    );
    assert!(refused.stderr.contains("-d all"));
    for arguments in [
        "get pool_id vgpu0",
        "get pool_id -d vgpu0",
        "-d 00:06.0 get pool_id",
    ] {
        let run = run(&fixture, arguments);
        assert_eq!((run.exit, run.stdout.as_str()), (0, "B\n"), "{arguments}");
    }
}

#[test]
fn devices_named_by_argument_and_by_option_add_up() {
    let run = run(&two(), "get pci 00:07.0 -d vgpu0");
    assert_eq!(run.stdout, "0000:00:06.0\n0000:00:07.0\n");
}

#[test]
fn all_devices_give_a_line_each_in_order_of_address() {
    let run = run(&two(), "get pci -d all");
    assert_eq!(run.exit, 0);
    assert_eq!(run.stdout, "0000:00:06.0\n0000:00:07.0\n");
}

#[test]
fn the_document_has_the_one_field() {
    let run = run(&two(), "get vm_id all -J");
    assert_eq!(run.exit, 0);
    assert_eq!(
        run.json(),
        json!({"schema": 1, "devices": [{"vm_id": 200}, {"vm_id": 200}]})
    );
}

#[test]
fn without_the_device_there_is_nothing_on_stdout() {
    let none = run(&Fixture::new(), "get pool_id");
    assert_eq!((none.exit, none.stdout.as_str()), (3, ""));
    let missing = run(&one(), "get pool_id vgpu1");
    assert_eq!((missing.exit, missing.stdout.as_str()), (3, ""));
}

#[test]
fn what_needs_no_register_is_known_to_who_may_not_read_them() {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0").driver("vfio-pci"));
    close(directory.join("resource0"));
    let driver = run_unprivileged(&fixture, "get driver");
    assert_eq!((driver.exit, driver.stdout.as_str()), (0, "vfio-pci\n"));
    let pool = run_unprivileged(&fixture, "get pool_id");
    assert_eq!((pool.exit, pool.stdout.as_str()), (4, ""));
}

#[test]
fn an_unknown_field_is_wrong_usage_and_the_help_names_those_there_are() {
    let fixture = one();
    let wrong = run(&fixture, "get colour");
    assert_eq!((wrong.exit, wrong.stdout.as_str()), (2, ""));
    let help = run(&fixture, "get --help");
    assert_eq!(help.exit, 0);
    for field in ["pool_id", "priority_raw", "class_name"] {
        assert!(wrong.stderr.contains(field) && help.stdout.contains(field));
    }
}
