// SPDX-License-Identifier: GPL-2.0

//! Listing, whatever values and VMs there are in the pool.

use serde_json::{Value, json};

use crate::host::{Host, UUID};

const VALUE: &str = "pool_id=B,priority=high,vm_id=200";
const OTHER: &str = "0d1c2b3a-1111-4222-8333-444455556666";
const MORE: &str = "1d1c2b3a-1111-4222-8333-444455556666";

/// A pool with the VM Test-2, which has a device, and another one, which has none.
fn host() -> Host {
    let host = Host::new();
    host.set_value("vgpu-stub", VALUE);
    host.add_vm(OTHER, "Other");
    host
}

/// The VMs that are listed with devices, by uuid.
fn with_devices(document: &Value) -> Vec<&str> {
    let vms = document["vms"].as_array().unwrap();
    let with = vms.iter().filter(|vm| vm["devices"].is_array());
    with.map(|vm| vm["uuid"].as_str().unwrap()).collect()
}

#[test]
fn a_value_of_another_key_is_not_taken_for_devices() {
    let host = host();
    host.set_key(OTHER, "a", "x; vgpu-stub: pool_id=A");
    host.set_key(OTHER, "b", "y; device-model-args: -device vgpu-stub");
    let run = host.run("list -J");
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(with_devices(&run.json()), [UUID]);
    assert_eq!(run.json()["vms"].as_array().unwrap().len(), 1, "{run:?}");
    // Nor is it by the others.
    let run = host.run("set Other --vm-id 1");
    assert!(run.stderr.contains("has no device"), "{run:?}");
    assert!(host.run("detach Other").stdout.contains("no device"));
}

#[test]
fn a_vm_that_goes_away_meanwhile_does_not_hide_the_others() {
    let host = host();
    host.set_key(OTHER, "vgpu-stub", "vm_id=9");
    host.set_field(OTHER, "gone", "");
    let run = host.run("list -J");
    assert_eq!(run.exit, 0, "{run:?}");
    let document = run.json();
    assert_eq!(with_devices(&document), [UUID]);
    let gone = &document["vms"][0];
    assert_eq!(gone["uuid"], OTHER);
    assert_eq!(gone["error"]["kind"], "xe");
    let text = host.run("list").stdout;
    assert!(text.contains(&format!("{OTHER}  Other  halted  xe vm-param-get failed")));
}

#[test]
fn values_that_are_printed_like_fields_or_vms_are_not_taken_for_them() {
    for name in [
        "two\nlines",
        "ends\n\n\n",
        "x\n    power-state ( RO): running",
    ] {
        let host = host();
        host.set_field(OTHER, "name-label", name);
        host.set_key(OTHER, "vgpu-stub", "vm_id=9");
        let document = host.run("list -J").json();
        assert_eq!(with_devices(&document), [OTHER, UUID], "{name}");
        assert_eq!(document["vms"][0]["name"], name);
        assert_eq!(document["vms"][0]["power_state"], "halted");
        assert_eq!(host.run("list").stdout.lines().count(), 2);
    }
    // A VM that has a device hides it behind one that does not exist.
    let host = host();
    host.set_key(OTHER, "vgpu-stub", "vm_id=9");
    host.set_key(
        OTHER,
        "a",
        &format!(
            "1\n        resident-on ( RO): <not in database>\n\n\n\
             uuid ( RO)               : {MORE}\n          name-label ( RW): fake\n\
             \x20        power-state ( RO): running\n             platform (MRW): b: 2"
        ),
    );
    let document = host.run("list -J").json();
    assert_eq!(with_devices(&document), [OTHER, UUID]);
}

#[test]
fn templates_and_snapshots_are_named_as_such() {
    let host = host();
    host.add_vm(OTHER, "Golden");
    host.set_field(OTHER, "is-a-template", "true");
    host.add_vm(MORE, "Before");
    host.set_field(MORE, "is-a-template", "true");
    host.set_field(MORE, "is-a-snapshot", "true");
    for uuid in [OTHER, MORE] {
        host.set_key(uuid, "vgpu-stub", VALUE);
    }
    let run = host.run("list");
    for line in [
        format!("{UUID}  Test-2  halted  vgpu-stub0"),
        format!("{OTHER}  Golden  template  vgpu-stub0"),
        format!("{MORE}  Before  snapshot  vgpu-stub0"),
    ] {
        assert!(run.stdout.contains(&line), "{run:?}");
    }
    // They do not run: nobody is confused by their vm_id.
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    let document = host.run("list -J").json();
    let kinds: Vec<&Value> = (0..3)
        .map(|number| &document["vms"][number]["kind"])
        .collect();
    assert_eq!(kinds, ["vm", "template", "snapshot"]);
}

#[test]
fn vms_with_the_same_vm_id_are_warned_of() {
    let host = host();
    host.set_key(OTHER, "vgpu-stub", "pool_id=A,vm_id=0xc8;pool_id=B");
    // None was given to these.
    host.add_vm(MORE, "More");
    host.set_key(MORE, "vgpu-stub", "pool_id=A");
    let run = host.run("list -J");
    assert_eq!(run.exit, 0, "{run:?}");
    for part in ["vm_id 200 is that of 2 VMs", UUID, OTHER, "Test-2", "Other"] {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
    assert!(!run.stderr.contains(MORE), "{run:?}");
    let document = run.json();
    let shared: Vec<&Value> = (0..3)
        .map(|it| &document["vms"][it]["same_vm_id"])
        .collect();
    assert_eq!(shared, [&json!([UUID]), &json!([]), &json!([OTHER])]);

    host.run("set Other --device vgpu-stub0 --vm-id 201");
    assert_eq!(host.run("list").stderr, "");
}

#[test]
fn a_pool_is_listed_by_few_calls() {
    let host = host();
    for number in 0..20 {
        host.add_vm(&format!("{number:08}-0000-4000-8000-000000000000"), "idle");
    }
    host.run("list");
    // Two for each kind, and one for the key of the VM that has one.
    assert_eq!(host.calls().len(), 7, "{:#?}", host.calls());
}
