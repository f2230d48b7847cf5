// SPDX-License-Identifier: GPL-2.0

//! What a VM gets that starts while its keys are being changed: xe removes a key before it
//! adds it with another value.

use std::fs;

use vgpu_host::{Device, keys};

use crate::host::Host;

const VALUE: &str = "pool_id=B,priority=high,vm_id=200,revision=2";

/// Runs it, and says which devices the hook would give the VM at each moment at which xe
/// is not done.
fn devices_meanwhile(host: &Host, arguments: &str) -> Vec<Vec<Device>> {
    let seen = host.path("seen");
    fs::create_dir(&seen).unwrap();
    host.in_pool(
        "between",
        &format!(
            "n=$(ls '{0}' | wc -l); cp -r \"$1\" '{0}'/$n",
            seen.display()
        ),
    );
    let run = host.run(arguments);
    assert_eq!(run.exit, 0, "{run:?}");
    let moments = fs::read_dir(&seen).unwrap().count();
    let moments = (0..moments).map(|moment| {
        let key = |key: &str| fs::read(seen.join(moment.to_string()).join(key)).ok();
        match (key(keys::TYPED), key(keys::ARGUMENTS)) {
            (Some(typed), _) => keys::parse_typed(&typed).unwrap(),
            (None, Some(older)) => keys::parse_arguments(&older).unwrap(),
            (None, None) => Vec::new(),
        }
    });
    moments.collect()
}

#[test]
fn a_vm_that_starts_while_a_device_changes_has_the_old_one_or_the_new_one() {
    let old = keys::parse_typed(VALUE.as_bytes()).unwrap();
    for arguments in [
        "set Test-2 --priority low --vm-id 7",
        "attach Test-2 --pool A --priority low --vm-id 7",
        "attach Test-2 --add --vm-id 7 --revision 2",
    ] {
        for older in [None, Some("-device vgpu-stub,vm_id=9")] {
            let host = Host::new();
            host.set_value("vgpu-stub", VALUE);
            if let Some(older) = older {
                host.set_value("device-model-args", older);
            }
            let meanwhile = devices_meanwhile(&host, arguments);
            let new = host.value("vgpu-stub").unwrap();
            let new = keys::parse_typed(new.as_bytes()).unwrap();
            assert_ne!(new, old);
            assert!(!meanwhile.is_empty());
            for devices in meanwhile {
                assert!(devices == old || devices == new, "{arguments}: {devices:?}");
            }
            assert_eq!(host.value("device-model-args"), None);
        }
    }
}

#[test]
fn a_vm_that_starts_while_devices_are_detached_has_them_or_none() {
    let host = Host::new();
    host.set_value("vgpu-stub", VALUE);
    host.set_value("device-model-args", "-device vgpu-stub,vm_id=9");
    let old = keys::parse_typed(VALUE.as_bytes()).unwrap();
    for devices in devices_meanwhile(&host, "detach Test-2") {
        assert!(devices == old || devices.is_empty(), "{devices:?}");
    }
}

#[test]
fn a_value_that_is_there_already_is_not_written_again() {
    let host = Host::new();
    host.set_value("vgpu-stub", VALUE);
    let run = host.run("set Test-2 --priority high");
    assert_eq!(run.exit, 0, "{run:?}");
    let calls = host.calls();
    assert!(
        !calls.iter().any(|it| it.starts_with("vm-param-set")),
        "{calls:?}"
    );
}
