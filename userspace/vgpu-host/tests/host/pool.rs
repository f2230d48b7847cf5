// SPDX-License-Identifier: GPL-2.0

//! Pools of several hosts, whose domains have the same numbers.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::host::{DOMAIN_VM, Host, UUID, XENSTORED, patience};
use crate::qemu::Qemu;

const VALUE: &str = "pool_id=B,priority=high,vm_id=200";
/// A VM that runs on the other host.
const OTHER: &str = "0d1c2b3a-1111-4222-8333-444455556666";

/// Two hosts, each of which has a VM with a device that could change, in a domain of
/// the same number.
struct Two {
    here: Host,
    there: Host,
    /// The device models of the two domains.
    qemus: [Arc<Mutex<Qemu>>; 2],
}

impl Two {
    fn new() -> Self {
        let here = Host::new();
        let there = here.another();
        here.set_value("vgpu-stub", VALUE);
        here.running();
        here.add_vm(OTHER, "Other");
        here.set_key(OTHER, "vgpu-stub", VALUE);
        there.runs(OTHER);
        let qemus = [&here, &there].map(|host| {
            let qemu = Qemu::start(host);
            qemu.lock().unwrap().make_live();
            qemu
        });
        Two { here, there, qemus }
    }

    /// Whether neither device model was asked to change anything, nor a key.
    fn is_unchanged(&self) -> bool {
        self.qemus
            .iter()
            .all(|it| it.lock().unwrap().sets.is_empty())
            && self.here.value("vgpu-stub").as_deref() == Some(VALUE)
            && !self
                .here
                .calls()
                .iter()
                .any(|it| it.starts_with("vm-param-set"))
    }
}

#[test]
fn set_has_the_member_do_it_on_which_the_vm_runs() {
    let two = Two::new();
    two.there.install();
    let run = two.here.run("set Other --priority low --dry-run");
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(two.is_unchanged());
    let run = two.here.run("set Other --priority low --vm-id 16 -J");
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(run.json()["vm"]["uuid"], OTHER);
    assert_eq!(run.json()["vm"]["after"]["vm_id"], 16);
    assert!(run.stderr.contains("runs on 'xcp-2'"), "{run:?}");
    let [here, there] = two.qemus.map(|qemu| qemu.lock().unwrap().sets.clone());
    assert_eq!(here, []);
    assert_eq!(
        there,
        [
            ("priority".into(), json!("low")),
            ("vm_id".into(), json!(16))
        ]
    );
    let run = two.there.run("list");
    assert!(run.stdout.contains("priority=low"), "{run:?}");
}

#[test]
fn verify_has_the_member_do_it_on_which_the_vm_runs() {
    let two = Two::new();
    two.there.install();
    let run = two.here.run("verify Other -J");
    let there = two.there.run("verify Other -J");
    assert_eq!(run.exit, there.exit, "{run:?}");
    assert_eq!(run.json()["verify"], there.json()["verify"]);
    assert_eq!(
        two.here.run("verify Other").stdout,
        two.there.run("verify Other").stdout
    );
    assert_eq!(two.qemus[0].lock().unwrap().monitor, Vec::<String>::new());
}

#[test]
fn what_fails_on_the_other_member_is_said_with_its_name_and_exit_code() {
    let two = Two::new();
    two.there.install();
    two.qemus[1].lock().unwrap().properties.clear();
    let run = two.here.run("set Other --priority low -J");
    assert_eq!(run.exit, 8, "{run:?}");
    let error = &run.json()["error"];
    assert_eq!(error["kind"], "member");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("member 'xcp-2': VM "), "{message}");
    assert!(message.contains("runs without vgpu-stub0"), "{message}");
    assert!(two.is_unchanged());
}

#[test]
fn a_member_that_answers_nothing_or_nonsense_has_done_nothing_that_is_known() {
    let two = Two::new();
    two.there.install();
    let short = patience(|| {
        let run = two.here.run("set Other --priority low --dry-run");
        assert_eq!(run.exit, 0, "{run:?}");
    });
    let no_answer = format!("no answer within {short} s");
    for (answer, exit, said) in [
        ("exec sleep 1000", 7, no_answer.as_str()),
        ("", 1, "makes no sense"),
        ("echo 42", 1, "makes no sense"),
        ("echo '{\"schema\":1,\"exit\":0}'", 1, "makes no sense"),
        (
            "echo '{\"schema\":1,\"exit\":99,\"text\":\"\",\"notes\":[],\"vm\":{}}'",
            1,
            "makes no sense",
        ),
        (
            "echo 'Error code: HOST_OFFLINE' >&2; exit 1",
            1,
            "HOST_OFFLINE",
        ),
        (
            "printf 'Error code: VGPU_STUB_X\\nError parameters: x, y\\n' >&2; exit 1",
            1,
            "member 'xcp-2': y",
        ),
    ] {
        two.here
            .in_pool(&format!("answers/{}", two.there.uuid), answer);
        let seconds = if exit == 7 { short } else { 60 };
        let run = two
            .here
            .run(&format!("set Other --priority low --timeout {seconds}"));
        assert_eq!(run.exit, exit, "{answer}: {run:?}");
        assert!(run.stderr.contains(said), "{answer}: {run:?}");
        assert!(run.stderr.contains("'xcp-2'"), "{answer}: {run:?}");
        assert!(two.is_unchanged());
    }
}

#[test]
fn set_and_verify_refuse_a_vm_of_a_member_without_the_plugin_and_name_that_member() {
    let two = Two::new();
    for (host, vm, member) in [
        (&two.here, "Other", "xcp-2"),
        (&two.there, "Test-2", "xcp-1"),
    ] {
        for arguments in [
            format!("set {vm} --priority low -J"),
            format!("verify {vm} -J"),
        ] {
            let run = host.run(&arguments);
            assert_eq!(run.exit, 8, "{run:?}");
            assert_eq!(run.json()["error"]["kind"], "no_plugin", "{run:?}");
            assert!(
                run.stderr.contains(&format!("member '{member}' has no")),
                "{run:?}"
            );
            assert!(
                run.stderr.contains("run vgpu-host install there"),
                "{run:?}"
            );
            assert!(two.is_unchanged(), "{run:?}");
        }
    }
}

#[test]
fn set_changes_the_device_of_the_vm_that_runs_here() {
    let two = Two::new();
    let run = two.there.run("set Other --priority low");
    assert_eq!(run.exit, 0, "{run:?}");
    let [here, there] = two.qemus.map(|qemu| qemu.lock().unwrap().sets.clone());
    assert_eq!(here, []);
    assert_eq!(there, [("priority".into(), json!("low"))]);
}

#[test]
fn verify_does_not_judge_a_vm_of_another_member_by_this_hosts_domains() {
    let two = Two::new();
    let run = two.here.run("verify Other -J");
    assert_eq!(run.exit, 8, "{run:?}");
    let document = run.json();
    assert_eq!(document["error"]["kind"], "no_plugin", "{run:?}");
    assert!(!run.stderr.contains("shut it down"), "{run:?}");
    for qemu in &two.qemus {
        assert_eq!(qemu.lock().unwrap().monitor, Vec::<String>::new());
    }
}

#[test]
fn a_domain_that_xenstore_says_is_another_vms_is_left_alone() {
    let two = Two::new();
    for (value, said) in [
        (format!("/vm/{OTHER}"), OTHER),
        (format!("/vm/{UUID}0"), "291d2b0"),
        (String::new(), "''"),
    ] {
        two.here.xenstored.set(DOMAIN_VM, &value);
        for arguments in ["set Test-2 --priority low", "verify Test-2"] {
            let run = two.here.run(arguments);
            assert_eq!(run.exit, 8, "{run:?}");
            assert!(run.stderr.contains(said), "{run:?}");
            assert!(run.stderr.contains("domain 7"), "{run:?}");
            assert!(two.is_unchanged());
        }
    }
    // A domain that has ended.
    two.here.xenstored.remove(DOMAIN_VM);
    let run = two.here.run("set Test-2 --priority low");
    assert_eq!(run.exit, 8, "{run:?}");
    assert!(run.stderr.contains("no such domain"), "{run:?}");
    assert!(two.is_unchanged());
}

#[test]
fn a_domain_that_ends_before_the_first_change_is_noticed() {
    let two = Two::new();
    let xenstored = Arc::clone(&two.here.xenstored);
    two.qemus[0].lock().unwrap().connected = Some(Box::new(move || {
        xenstored.set(DOMAIN_VM, format!("/vm/{OTHER}"));
    }));
    let run = two.here.run("set Test-2 --priority low -J");
    assert_eq!(run.exit, 8, "{run:?}");
    assert_eq!(run.json()["error"]["kind"], "other_domain");
    assert!(two.is_unchanged());
}

#[test]
fn a_xenstore_that_cannot_be_asked_is_an_error_and_nothing_changes() {
    let breaks: [fn(&Host); 2] = [
        |host| host.xenstored.fail(DOMAIN_VM, "EIO"),
        |host| fs::remove_file(host.path(XENSTORED)).unwrap(),
    ];
    for break_it in breaks {
        let two = Two::new();
        break_it(&two.here);
        let run = two.here.run("set Test-2 --priority low -J");
        assert_eq!(run.exit, 1, "{run:?}");
        assert_eq!(run.json()["error"]["kind"], "xenstore");
        assert!(two.is_unchanged());
    }
}

#[test]
fn a_host_that_does_not_know_which_one_it_is_touches_no_running_vm() {
    let two = Two::new();
    for inventory in ["", "INSTALLATION_UUID=''\n", "#INSTALLATION_UUID='x'\n"] {
        fs::write(two.here.path("etc/xensource-inventory"), inventory).unwrap();
        let run = two.here.run("set Test-2 --priority low");
        assert_eq!(run.exit, 8, "{run:?}");
        assert!(run.stderr.contains("INSTALLATION_UUID"), "{run:?}");
        assert!(two.is_unchanged());
    }
}

#[test]
fn the_keys_of_a_vm_are_set_from_any_member() {
    let two = Two::new();
    let run = two.here.run("attach Other --vm-id 9");
    assert_eq!(run.exit, 0, "{run:?}");
    let run = two.there.run("detach Test-2");
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(two.here.value("vgpu-stub"), None);
}
