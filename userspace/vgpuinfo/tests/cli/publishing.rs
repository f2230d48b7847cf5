// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo publish` writes, and who reads it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::json;

use crate::guest::{Fixture, Stub, close, run, run_unprivileged, two};
use crate::schema;

/// A device without the driver that is published, and whose BAR0 is closed.
fn published() -> Fixture {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    let publish = run(&fixture, "publish");
    let said = (
        publish.exit,
        publish.stdout.as_str(),
        publish.stderr.as_str(),
    );
    assert_eq!(said, (0, "", ""));
    close(directory.join("resource0"));
    fixture
}

#[test]
fn who_may_not_open_bar0_gets_what_was_published_and_is_told_so() {
    let fixture = published();
    let pool = run_unprivileged(&fixture, "get pool_id");
    let said = (pool.exit, pool.stdout.as_str(), pool.stderr.as_str());
    assert_eq!(said, (0, "B\n", ""));
    let list = run_unprivileged(&fixture, "list -J");
    schema::check("document", &list.json());
    let device = &list.json()["devices"][0];
    assert_eq!(
        (&device["source"], &device["vm_id"]),
        (&json!("published"), &json!(200))
    );
    assert!(device["age"].as_u64().unwrap() < 60, "{device}");
    let verbose = run_unprivileged(&fixture, "list -v");
    assert!(
        verbose.stderr.contains("read through published"),
        "{}",
        verbose.stderr
    );
}

#[test]
fn without_a_publication_the_way_to_one_is_named() {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    close(directory.join("resource0"));
    let refused = run_unprivileged(&fixture, "get pool_id");
    assert_eq!((refused.exit, refused.stdout.as_str()), (4, ""));
    assert!(
        refused.stderr.contains("vgpuinfo publish"),
        "{}",
        refused.stderr
    );
    let named = run(&fixture, "get pool_id -J --source published");
    assert_eq!(named.exit, 1);
    assert_eq!(named.json()["error"]["kind"], "not_published");
}

#[test]
fn nothing_but_a_closed_bar0_leads_to_what_was_published() {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    assert_eq!(run(&fixture, "publish").exit, 0);
    let open = run(&fixture, "query -o source,age --format csv -n");
    assert_eq!(open.stdout, "bar,\n");
    fs::write(directory.join("config"), [0; 64]).unwrap();
    assert_eq!(run(&fixture, "get pool_id").exit, 5);
    let named = run(&fixture, "get pool_id --source published");
    assert_eq!((named.exit, named.stdout.as_str()), (0, "B\n"));
    fs::write(directory.join("config"), [0xff; 64]).unwrap();
    assert_eq!(run(&fixture, "get pool_id").exit, 6);
}

#[test]
fn what_is_old_is_shown_with_its_age() {
    let fixture = published();
    let time = fixture.root().join("run/vgpu/0000:00:06.0/time");
    let now = fs::read_to_string(&time).unwrap();
    let now: u64 = now.trim_end().parse().unwrap();
    fs::write(&time, format!("{}\n", now - 1000)).unwrap();
    for arguments in ["get pool_id", "query -o pool_id --format raw -n"] {
        let old = run_unprivileged(&fixture, arguments);
        assert_eq!((old.exit, old.stdout.as_str()), (0, "B\n"), "{arguments}");
        assert!(
            old.stderr.contains("0000:00:06.0: published 10"),
            "{}",
            old.stderr
        );
    }
    let age = run_unprivileged(&fixture, "get age");
    let age: u64 = age.stdout.trim_end().parse().unwrap();
    assert!((1000..1060).contains(&age), "{age}");
}

#[test]
fn what_somebody_else_may_have_written_is_an_error() {
    let fixture = published();
    let directory = fixture.root().join("run/vgpu");
    fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
    let refused = run_unprivileged(&fixture, "get pool_id -J");
    assert_eq!(refused.exit, 4);
    assert_eq!(refused.json()["error"]["kind"], "untrusted");
    let again = run(&fixture, "publish");
    assert_eq!(again.exit, 4);
    assert!(again.stderr.contains("may write to it"), "{}", again.stderr);
}

#[test]
fn the_document_has_what_is_published_and_what_is_no_more() {
    let fixture = two();
    fixture.add(&Stub::at("0000:00:08.0"));
    let first = run(&fixture, "publish -J");
    schema::check("document", &first.json());
    let addresses = |run: &crate::guest::Run| {
        let devices = run.json()["devices"].as_array().unwrap().clone();
        let pci = devices
            .iter()
            .map(|it| it["pci"].as_str().unwrap().to_owned());
        pci.collect::<Vec<_>>()
    };
    assert_eq!(addresses(&first), ["0000:00:07.0", "0000:00:08.0"]);
    fixture.unplug("0000:00:08.0");
    let second = run(&fixture, "publish -J");
    assert_eq!(addresses(&second), ["0000:00:07.0"]);
    assert_eq!(second.json()["removed"], json!(["0000:00:08.0"]));
    fixture.unplug("0000:00:07.0");
    fixture.unplug("0000:00:06.0");
    let none = run(&fixture, "publish -J");
    assert_eq!((none.exit, none.stderr.as_str()), (0, ""));
    assert_eq!(
        fs::read_dir(fixture.root().join("run/vgpu"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_device_that_cannot_be_read_decides_how_the_run_ends() {
    let fixture = two();
    let silent = fixture.add(&Stub::at("0000:00:08.0"));
    fs::write(silent.join("config"), [0; 64]).unwrap();
    let publish = run(&fixture, "publish -J");
    assert_eq!(publish.exit, 5);
    assert_eq!(publish.json()["devices"][0]["pci"], "0000:00:07.0");
}

#[test]
fn it_is_about_all_devices_and_takes_root() {
    let fixture = published();
    for arguments in ["publish -d vgpu0", "publish --source sysfs"] {
        assert_eq!(run(&fixture, arguments).exit, 2, "{arguments}");
    }
    // Nobody else is there without being root.
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let refused = run_unprivileged(&fixture, "publish");
        assert_eq!((refused.exit, refused.stdout.as_str()), (4, ""));
        assert!(refused.stderr.contains("run as root"), "{}", refused.stderr);
    }
}
