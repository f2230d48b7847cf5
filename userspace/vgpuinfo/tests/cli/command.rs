// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo command` does and prints.

use std::fs;

use serde_json::json;

use crate::guest::{close, one, run, run_contained, run_unprivileged, two};

#[test]
fn a_command_reaches_the_attribute_and_its_status_is_printed() {
    for (value, written) in [("31", "0x0000001f\n"), ("0xFFFFFFFF", "0xffffffff\n")] {
        let fixture = one();
        let run = run(&fixture, &format!("command {value}"));
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
        assert_eq!(run.stdout, "vgpu0: status 0x00000001\n");
        let attribute = fixture.class("vgpu0").join("command");
        assert_eq!(fs::read_to_string(attribute).unwrap(), written);
    }
}

#[test]
fn the_document_says_what_became_of_the_command() {
    let run = run(&one(), "command 5 -J");
    assert_eq!(run.exit, 0);
    assert_eq!(
        run.json(),
        json!({"schema": 1, "devices": [{
            "name": "vgpu0",
            "pci": "0000:00:06.0",
            "source": "sysfs",
            "command": 5,
            "status": 1,
            "result": null,
            "sequence": null,
        }]})
    );
}

#[test]
fn a_timeout_that_cannot_count_is_said_so() {
    let run = run(&one(), "command 5 --timeout 0.5");
    assert_eq!(run.exit, 0);
    assert!(run.stderr.contains("sysfs, which takes no timeout"));
}

#[test]
fn a_timeout_out_of_range_is_wrong_usage_and_submits_nothing() {
    let fixture = one();
    for timeout in ["0", "601"] {
        let run = run(&fixture, &format!("command 7 --timeout {timeout}"));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""));
    }
    let attribute = fixture.class("vgpu0").join("command");
    assert_eq!(fs::read_to_string(attribute).unwrap(), "0x00000005\n");
}

#[test]
fn without_the_driver_a_command_is_refused_and_bar0_untouched() {
    let fixture = two();
    let bar = fixture
        .root()
        .join("sys/bus/pci/devices/0000:00:07.0/resource0");
    let before = fs::read(&bar).unwrap();
    let refused = run(&fixture, "command 7 00:07.0");
    assert_eq!((refused.exit, refused.stdout.as_str()), (5, ""));
    assert!(refused.stderr.contains("unbind vfio-pci"));
    let bar_asked = run(&fixture, "command 7 00:07.0 --source bar");
    assert_eq!(bar_asked.exit, 2);
    assert_eq!(fs::read(&bar).unwrap(), before);
}

#[test]
fn of_several_devices_one_has_to_be_named() {
    let fixture = two();
    let run = run(&fixture, "command 7");
    assert_eq!(run.exit, 2);
    let attribute = fixture.class("vgpu0").join("command");
    assert_eq!(fs::read_to_string(attribute).unwrap(), "0x00000005\n");
}

#[test]
fn all_devices_are_commanded_though_one_fails() {
    let run = run(&two(), "command 7 all");
    assert_eq!(run.exit, 5);
    assert_eq!(run.stdout, "vgpu0: status 0x00000001\n");
}

#[test]
fn an_unprivileged_user_is_refused() {
    let fixture = one();
    // The kernel has it 0644; the owner that the test may be is not to write.
    close(fixture.class("vgpu0").join("command"));
    let run = run_unprivileged(&fixture, "command 7");
    assert_eq!((run.exit, run.stdout.as_str()), (4, ""));
    assert!(run.stderr.contains("vgpu0/command: permission denied"));
}

#[test]
fn a_sysfs_that_is_mounted_read_only_is_a_lack_of_permission() {
    let fixture = one();
    let setup = "mount --bind $ROOT/sys $ROOT/sys; mount -o remount,bind,ro $ROOT/sys";
    assert_eq!(run_contained(&fixture, setup, "get pool_id").stdout, "B\n");
    let run = run_contained(&fixture, setup, "command 7 -J");
    assert_eq!(run.exit, 4, "{}", run.stderr);
    let error = &run.json()["error"];
    assert_eq!(error["kind"], "permission");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("read-only"), "{message}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("mount /sys writable"), "{hint}");
}
