// SPDX-License-Identifier: GPL-2.0

//! VMs whose devices go when the hook does.

use std::fs;

use crate::host::{Host, UUID};

const OTHER: &str = "0d1c2b3a-1111-4222-8333-444455556666";
const MORE: &str = "1d1c2b3a-1111-4222-8333-444455556666";

#[test]
fn vms_that_still_have_keys_are_named() {
    let host = Host::new();
    host.install();
    host.add_vm(OTHER, "Other");
    host.add_vm(MORE, "More");
    host.set_value("vgpu-stub", "pool_id=B");
    // One that makes no sense is one, too.
    host.set_key(MORE, "vgpu-stub", "pool_id=C");
    let run = host.run("uninstall --dry-run");
    assert!(run.stderr.contains(UUID), "{run:?}");
    let run = host.run("uninstall");
    assert_eq!(run.exit, 0, "{run:?}");
    for part in [
        "these VMs still have devices",
        UUID,
        MORE,
        "(Test-2)",
        "vgpu-host detach",
    ] {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
    assert!(!run.stderr.contains(OTHER), "{run:?}");
    // Nothing is left to take away.
    assert_eq!(host.run("uninstall").stderr, "");
}

#[test]
fn nothing_is_said_of_vms_if_none_has_a_key() {
    let host = Host::new();
    host.install();
    let run = host.run("uninstall");
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(!run.stderr.contains("VMs"), "{run:?}");
}

#[test]
fn a_toolstack_that_does_not_answer_is_no_obstacle() {
    let host = Host::new();
    host.install();
    let run = host.run("uninstall --xe /nowhere/xe");
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(
        run.stderr
            .contains("which VMs still have devices is not known"),
        "{run:?}"
    );
    assert!(!fs::exists(host.path("usr/libexec/vgpu-stub")).unwrap());
}
