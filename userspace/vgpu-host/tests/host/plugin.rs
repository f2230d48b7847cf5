// SPDX-License-Identifier: GPL-2.0

//! The plugin, called as xapi calls it, from one member of a pool on another one.

use std::fs;

use serde_json::json;

use crate::host::{Host, UUID};
use crate::qemu::Qemu;

const VALUE: &str = "pool_id=B,priority=high,vm_id=200";

/// A host that has the plugin and runs Test-2, with a device that can change.
fn host() -> Host {
    let host = Host::new();
    fs::write(host.path("package"), "qemu-4.2.1-1.0.1.vgpustub.x86_64\n").unwrap();
    host.install();
    host.set_value("vgpu-stub", VALUE);
    host.running();
    host
}

#[test]
fn status_says_whether_the_host_is_prepared() {
    let host = host();
    let run = host.another().call(&host, "status", &[]);
    assert_eq!(run.exit, 0, "{run:?}");
    let document = run.json();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["exit"], 0, "{document}");
    assert_eq!(document["status"]["whole"], true);
    assert_eq!(document["status"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["status"]["hook"].as_str().map(str::len), Some(12));
    let checks = document["status"]["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|it| it["name"].as_str()).collect();
    for name in ["qemu", "package", "device", "hook", "xenopsd", "plugin"] {
        assert!(names.contains(&Some(name)), "{name}: {document}");
    }

    host.put_program(
        "usr/lib64/xen/bin/qemu-system-i386",
        "#!/bin/sh\necho QEMU\n",
    );
    let document = host.call(&host, "status", &[]).json();
    assert_eq!(document["exit"], 8, "{document}");
    assert_eq!(document["status"]["whole"], false);
}

#[test]
fn list_and_verify_answer_with_the_documents_of_the_command() {
    let host = host();
    for (function, member) in [("list", "vms"), ("verify", "verify")] {
        let document = host.call(&host, function, &[]).json();
        let command = host.run(&format!("{function} -J"));
        assert_eq!(document[member], command.json()[member]);
        assert_eq!(document["exit"], command.exit);
        let text = host.run(function).stdout;
        assert_eq!(document["text"], text);
    }
}

#[test]
fn set_changes_the_running_device_and_the_key() {
    let host = host();
    let qemu = Qemu::start(&host);
    qemu.lock().unwrap().make_live();
    let arguments = ["vm=Test-2", "priority=low"];
    let dry = host.call(&host, "set", &[&arguments[..], &["dry_run=true"]].concat());
    assert_eq!(dry.exit, 0, "{dry:?}");
    assert_eq!(qemu.lock().unwrap().sets, []);

    let run = host.another().call(&host, "set", &arguments);
    assert_eq!(run.exit, 0, "{run:?}");
    let document = run.json();
    assert_eq!(document["vm"]["uuid"], UUID);
    assert_eq!(document["vm"]["after"]["priority"], "low");
    assert_eq!(
        qemu.lock().unwrap().sets,
        [("priority".into(), json!("low"))]
    );
    assert_eq!(
        host.value("vgpu-stub").unwrap(),
        "pool_id=B,priority=low,vm_id=200"
    );
}

#[test]
fn what_fails_is_a_failure_with_a_code_an_exit_code_a_message_and_a_hint() {
    let host = host();
    let _qemu = Qemu::start(&host);
    for (function, arguments, code, parameters) in [
        (
            "verify",
            &["vm=None"][..],
            "NO_VM",
            "3, there is no VM 'None', ",
        ),
        (
            "set",
            &["vm=Test-2", "priority=low"],
            "REFUSED",
            "8, vgpu-stub0 of VM ",
        ),
        (
            "set",
            &["vm=Test-2"],
            "USAGE",
            "2, there is nothing to change",
        ),
        (
            "set",
            &["priority=low"],
            "USAGE",
            "2, there is no argument vm",
        ),
        (
            "set",
            &["vm=Test-2", "pool=C"],
            "USAGE",
            "2, pool_id is A or B",
        ),
        (
            "set",
            &["vm=Test-2", "pool=A", "dry_run=1"],
            "USAGE",
            "2, dry_run is",
        ),
        (
            "set",
            &["vm=Test-2", "pool=A", "xe=/tmp/x"],
            "USAGE",
            "2, there is no argument 'xe'",
        ),
        (
            "status",
            &["a=<b>&"],
            "USAGE",
            "2, there is no argument 'a'",
        ),
    ] {
        let run = host.call(&host, function, arguments);
        assert_eq!((run.exit, run.stdout.as_str()), (1, ""), "{run:?}");
        let expected = format!("Error code: VGPU_STUB_{code}\nError parameters: {parameters}");
        assert!(run.stderr.starts_with(&expected), "{run:?}");
        assert_eq!(host.value("vgpu-stub").as_deref(), Some(VALUE));
    }
}

#[test]
fn a_function_that_there_is_not_is_said_in_xapis_words() {
    let host = host();
    let run = host.call(&host, "install", &[]);
    assert_eq!(
        run.stderr,
        "Error code: UNKNOWN_XENAPI_PLUGIN_FUNCTION\nError parameters: install\n"
    );
    for call in ["", "status", "<methodCall/>", "--help", "-J"] {
        let run = host.run(&format!("xapi-plugin -- {call}"));
        assert_eq!(run.exit, 0, "{run:?}");
        assert!(run.stdout.contains("XENAPI_PLUGIN_FAILURE"), "{run:?}");
    }
}

#[test]
fn a_vm_of_another_member_is_not_passed_on() {
    let host = host();
    let other = host.another();
    fs::write(other.path("package"), "qemu-4.2.1-1.0.1.vgpustub.x86_64\n").unwrap();
    other.install();
    let run = host.call(&other, "set", &[&format!("vm={UUID}"), "priority=low"]);
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("VGPU_STUB_ELSEWHERE"), "{run:?}");
    assert_eq!(host.value("vgpu-stub").as_deref(), Some(VALUE));
}
