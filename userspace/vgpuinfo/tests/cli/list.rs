// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo list` says, in which format and with which exit code.

use std::fs;

use serde_json::{Value, json};

use crate::guest::{Fixture, Stub, close, one, run, run_contained, run_unprivileged, two};

#[test]
fn without_a_device_there_is_one_line_on_stderr_and_exit_code_3() {
    let run = run(&Fixture::new(), "");
    assert_eq!((run.exit, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.starts_with("vgpuinfo: no vGPU device ("));
    assert_eq!(run.stderr.lines().count(), 1);
}

#[test]
fn without_a_device_the_document_has_an_empty_list_and_the_error() {
    let run = run(&Fixture::new(), "-J");
    assert_eq!(run.exit, 3);
    let document = run.json();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["devices"], json!([]));
    assert_eq!(document["error"]["kind"], "no_device");
    assert_eq!(document["error"]["exit"], 3);
    assert!(document["error"]["message"].is_string());
    assert!(document["error"]["hint"].is_string());
}

#[test]
fn devices_with_and_without_the_driver_are_in_one_aligned_table() {
    let fixture = Fixture::new();
    fixture.add(&Stub::at("0000:0b:00.0").bound("vgpu0"));
    fixture.add(&Stub::at("0000:00:07.0"));
    fixture.add(&Stub::at("0000:00:06.0").driver("vfio-pci"));
    for arguments in ["", "list", "list -d all"] {
        let run = run(&fixture, arguments);
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
        assert_eq!(
            run.stdout,
            "\
NAME   PCI           POOL  PRIORITY  VM_ID  STATUS      DRIVER
-      0000:00:06.0  B     high      200    0x00000001  vfio-pci
-      0000:00:07.0  B     high      200    0x00000001  -
vgpu0  0000:0b:00.0  B     high      200    0x00000001  vgpu_stub
"
        );
    }
}

#[test]
fn the_document_has_every_field_in_the_order_of_the_table() {
    let run = run(&one(), "--json");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout,
        r#"{
  "schema": 1,
  "devices": [
    {
      "name": "vgpu0",
      "pci": "0000:00:06.0",
      "driver": "vgpu_stub",
      "pool_id": "B",
      "priority": "high",
      "priority_raw": 2,
      "vm_id": 200,
      "command": 5,
      "status": 1,
      "revision": 1,
      "source": "sysfs",
      "vendor_name": "Red Hat, Inc.",
      "device_name": null,
      "class_name": "Processing accelerators",
      "features": 0,
      "config_generation": 0,
      "age": null,
      "link": null
    }
  ]
}
"#
    );
}

#[test]
fn the_three_sources_give_the_same_values() {
    let fixture = one();
    let device = |source: &str| run(&fixture, &format!("-J --source {source}")).json();
    let [mut sysfs, mut bar] = ["sysfs", "bar"].map(|source| device(source)["devices"][0].take());
    assert_eq!(sysfs["source"].take(), "sysfs");
    assert_eq!(bar["source"].take(), "bar");
    assert_eq!(sysfs, bar);
}

#[test]
fn values_beyond_the_register_map_are_shown_and_not_trusted() {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    let mut bar = [0; 4096];
    bar[8..12].copy_from_slice(&0x1b_u32.to_le_bytes());
    bar[12..16].copy_from_slice(&7_u32.to_le_bytes());
    bar[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    fs::write(directory.join("resource0"), bar).unwrap();
    let device = &run(&fixture, "-J").json()["devices"][0];
    assert_eq!(device["pool_id"], "0x1b");
    assert_eq!(device["priority"], "7");
    assert_eq!(device["priority_raw"], 7);
    assert_eq!(device["vm_id"], u32::MAX);
    assert_eq!(device["driver"], Value::Null);
}

#[test]
fn an_unprivileged_user_reads_a_device_with_the_driver() {
    let fixture = one();
    fixture.write_node("vgpu0");
    close(fixture.root().join("dev/vgpu0"));
    close(
        fixture
            .root()
            .join("sys/bus/pci/devices/0000:00:06.0/resource0"),
    );
    let run = run_unprivileged(&fixture, "");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("vgpu0  0000:00:06.0  B "));
}

#[test]
fn an_unprivileged_user_is_refused_the_node_and_told_who_may_have_it() {
    let fixture = one();
    fixture.write_node("vgpu0");
    close(fixture.root().join("dev/vgpu0"));
    let run = run_unprivileged(&fixture, "--source chardev");
    assert_eq!(run.exit, 4);
    assert!(
        run.stderr
            .contains("dev/vgpu0: permission denied (run as root, or as a member")
    );
}

#[test]
fn a_device_that_may_not_be_read_has_its_line_and_exit_code_4() {
    let fixture = two();
    close(
        fixture
            .root()
            .join("sys/bus/pci/devices/0000:00:07.0/resource0"),
    );
    let text = run_unprivileged(&fixture, "");
    assert_eq!(text.exit, 4);
    assert_eq!(
        text.stdout,
        "\
NAME   PCI           POOL  PRIORITY  VM_ID  STATUS      DRIVER
vgpu0  0000:00:06.0  B     high      200    0x00000001  vgpu_stub
-      0000:00:07.0  -     -         -      -           vfio-pci
"
    );
    assert!(text.stderr.starts_with("vgpuinfo: 0000:00:07.0: "));
    assert!(
        text.stderr
            .contains("resource0: permission denied (run as root")
    );

    let run = run_unprivileged(&fixture, "-J");
    assert_eq!((run.exit, &run.stderr), (4, &text.stderr));
    let document = run.json();
    assert_eq!(document["devices"][0]["pool_id"], "B");
    assert_eq!(document["devices"][1]["pci"], "0000:00:07.0");
    assert_eq!(document["devices"][1]["revision"], 1);
    for unknown in [
        "name",
        "pool_id",
        "priority",
        "priority_raw",
        "vm_id",
        "status",
        "source",
    ] {
        assert_eq!(document["devices"][1][unknown], Value::Null, "{unknown}");
    }
    assert_eq!(document["error"]["kind"], "permission");
}

#[test]
fn a_source_that_needs_the_driver_is_refused_without_it() {
    for source in ["sysfs", "chardev"] {
        let run = run(&two(), &format!("-d 00:07.0 --source {source}"));
        assert_eq!(run.exit, 5);
        assert!(
            run.stderr
                .contains("the driver vgpu_stub is not bound; vfio-pci is")
        );
        assert!(run.stdout.contains("-     0000:00:07.0  -"));
    }
}

#[test]
fn a_device_that_is_gone_or_not_enabled_has_its_line_and_the_reason() {
    for (file, content, exit, kind) in [
        ("resource0", vec![0xff; 4096], 6, "gone"),
        ("config", vec![0xff; 64], 6, "gone"),
        ("resource0", vec![0; 16], 6, "malformed"),
        ("config", vec![0; 64], 5, "decoding_off"),
    ] {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        fs::write(directory.join(file), content).unwrap();
        let run = run(&fixture, "-J");
        assert_eq!(run.exit, exit, "{kind}");
        let document = run.json();
        assert_eq!(document["error"]["kind"], kind);
        assert_eq!(document["error"]["exit"], exit);
        assert_eq!(document["devices"][0]["pool_id"], Value::Null);
    }
}

#[test]
fn only_the_named_devices_are_listed_each_once() {
    let fixture = two();
    for arguments in [
        "-d vgpu0",
        "-d 00:06.0",
        "-d vgpu0,0000:00:06.0",
        "-d vgpu0 -d vgpu0",
    ] {
        let run = run(&fixture, arguments);
        assert_eq!(run.exit, 0, "{arguments}");
        assert_eq!(run.stdout.lines().count(), 2, "{arguments}");
        assert!(run.stdout.contains("vgpu0"));
    }
}

#[test]
fn a_named_device_that_is_not_there_is_exit_code_3_and_one_of_several_9() {
    let fixture = two();
    let none = run(&fixture, "-d vgpu7 -J");
    assert_eq!(none.exit, 3);
    assert_eq!(none.json()["error"]["kind"], "no_such_device");
    assert!(none.stderr.contains("no such device: vgpu7"));

    let some = run(&fixture, "-d vgpu7 -d vgpu0 -d 00:09.0");
    assert_eq!(some.exit, 9);
    assert!(some.stdout.contains("vgpu0"));
    assert!(some.stderr.contains("no such device: vgpu7, 0000:00:09.0"));
}

#[test]
fn a_class_device_of_another_driver_on_another_device_is_none_of_ours() {
    let fixture = Fixture::new();
    // An IDE controller, whose driver has a class of the same name.
    fixture.add(&Stub::at("0000:00:01.1").bound("vgpu0").driver("mediator"));
    for (ours, other) in [("v00001AF4", "v00008086"), ("d00001111", "d00007010")] {
        fixture.edit_modalias("0000:00:01.1", ours, other);
    }
    fixture.edit_modalias("0000:00:01.1", "bc12sc00", "bc01sc01");
    for arguments in ["", "get pool_id", "get pool_id vgpu0", "check --pool B"] {
        assert_eq!(run(&fixture, arguments).exit, 3, "{arguments}");
    }
    for condition in ["present", "bound"] {
        let wait = run(&fixture, &format!("wait --for {condition} --timeout 0"));
        assert_eq!(wait.exit, 7, "{condition}");
    }
    assert_eq!(run(&fixture, "doctor").exit, 8);
    // Nor does it stand beside one of ours.
    fixture.add(&Stub::at("0000:00:06.0"));
    let ours = run(&fixture, "get pci");
    assert_eq!((ours.exit, ours.stdout.as_str()), (0, "0000:00:06.0\n"));
}

#[test]
fn without_a_sysfs_there_is_an_error_and_not_just_no_device() {
    let fixture = one();
    let setup = "mount -t tmpfs none $ROOT/sys";
    for arguments in [
        "",
        "get pool_id",
        "wait --timeout 0",
        "wait --for gone --timeout 0",
        "watch",
    ] {
        let run = run_contained(&fixture, setup, arguments);
        assert_eq!(
            (run.exit, run.stdout.lines().count()),
            (1, usize::from(arguments == "watch"))
        );
        assert!(
            run.stderr.contains("mount a sysfs on /sys"),
            "{}",
            run.stderr
        );
    }
    let document = run_contained(&fixture, setup, "-J").json();
    assert_eq!(document["error"]["kind"], "no_pci");
    let doctor = run_contained(&fixture, setup, "doctor");
    assert_eq!((doctor.exit, doctor.stdout.lines().count()), (8, 1));
    assert!(doctor.stdout.contains("mount a sysfs"), "{}", doctor.stdout);
}
