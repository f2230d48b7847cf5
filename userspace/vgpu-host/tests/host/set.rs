// SPDX-License-Identifier: GPL-2.0

//! Changing a device of a VM.

use serde_json::json;

use crate::host::Host;
use crate::qemu::Qemu;

const VALUE: &str = "pool_id=B,priority=high,vm_id=200";

fn host() -> Host {
    let host = Host::new();
    host.set_value("vgpu-stub", VALUE);
    host
}

#[test]
fn a_halted_vm_has_the_change_when_it_starts() {
    let host = host();
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(
        run.stdout
            .contains("counts when the VM is started or rebooted"),
        "{run:?}"
    );
    assert_eq!(
        host.value("vgpu-stub").unwrap(),
        "pool_id=B,priority=low,vm_id=200"
    );
}

#[test]
fn a_running_vm_has_it_at_once_and_after_a_start() {
    let host = host();
    host.running();
    let qemu = Qemu::start(&host);
    qemu.lock().unwrap().make_live();

    let arguments = "set Test-2 --priority low --vm-id 0x10";
    assert_eq!(host.run(&format!("{arguments} --dry-run")).exit, 0);
    assert_eq!(qemu.lock().unwrap().sets, []);
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);

    let run = host.run(&format!("{arguments} -J"));
    assert_eq!(run.exit, 0, "{run:?}");
    let vm = &run.json()["vm"];
    assert_eq!(
        (&vm["live"], &vm["id"]),
        (&json!(true), &json!("vgpu-stub0"))
    );
    assert_eq!(
        (&vm["before"]["vm_id"], &vm["after"]["vm_id"]),
        (&json!(200), &json!(16))
    );
    // Nothing but what was asked for, each as the type that it has.
    assert_eq!(
        qemu.lock().unwrap().sets,
        [
            ("priority".into(), json!("low")),
            ("vm_id".into(), json!(16))
        ]
    );
    assert_eq!(
        host.value("vgpu-stub").unwrap(),
        "pool_id=B,priority=low,vm_id=16"
    );
}

#[test]
fn revision_1_is_refused_while_it_runs_and_nothing_changes() {
    let host = host();
    host.running();
    let qemu = Qemu::start(&host);
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 8, "{run:?}");
    assert!(run.stderr.contains("revision 1"), "{run:?}");
    assert!(run.stderr.contains("vgpu-host attach"), "{run:?}");
    assert_eq!(qemu.lock().unwrap().sets, []);
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn a_device_that_was_attached_since_the_start_is_none_to_change() {
    let host = host();
    host.running();
    let qemu = Qemu::start(&host);
    qemu.lock().unwrap().properties.clear();
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 8);
    assert!(run.stderr.contains("runs without vgpu-stub0"), "{run:?}");
}

#[test]
fn what_was_changed_before_a_failure_is_said() {
    let host = host();
    host.running();
    let qemu = Qemu::start(&host);
    qemu.lock().unwrap().make_live();
    qemu.lock().unwrap().fixed = "vm_id";
    let run = host.run("set Test-2 --pool A --vm-id 1");
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("it does not change"), "{run:?}");
    assert!(run.stderr.contains("pool_id was changed"), "{run:?}");
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn a_device_model_that_cannot_be_reached_is_an_error_of_its_own() {
    let host = host();
    host.running();
    let run = host.run("set Test-2 --priority low -J");
    assert_eq!((run.exit, &run.json()["error"]["kind"]), (1, &json!("qmp")));
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn a_suspended_vm_goes_on_as_it_was() {
    let host = host();
    host.state("suspended");
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 8);
    assert!(run.stderr.contains("resume it"), "{run:?}");
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn of_several_devices_one_has_to_be_named() {
    let host = host();
    host.set_value("vgpu-stub", &format!("{VALUE};pool_id=A"));
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 2);
    assert!(run.stderr.contains("vgpu-stub0, vgpu-stub1"), "{run:?}");
    assert_eq!(host.run("set Test-2 --device vgpu-stub2 --pool A").exit, 3);
    assert_eq!(
        host.run("set Test-2 --device vgpu-stub1 --priority low")
            .exit,
        0
    );
    assert_eq!(
        host.value("vgpu-stub").unwrap(),
        format!("{VALUE};pool_id=A,priority=low,vm_id=0")
    );
}

#[test]
fn a_change_has_to_be_one() {
    let host = host();
    assert_eq!(host.run("set Test-2").exit, 2);
    assert_eq!(host.run("set Test-2 --device vgpu-stub0").exit, 2);
    assert_eq!(host.run("set Test-2 --priority urgent").exit, 2);
    host.run("detach Test-2");
    let run = host.run("set Test-2 --priority low");
    assert_eq!(run.exit, 8);
    assert!(run.stderr.contains("has no device"), "{run:?}");
}
