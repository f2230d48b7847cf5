// SPDX-License-Identifier: GPL-2.0

//! Giving a VM devices, listing them and taking them away.

use crate::host::{Host, UUID};

const ATTACH: &str = "attach Test-2 --pool B --priority high --vm-id 200";
const VALUE: &str = "pool_id=B,priority=high,vm_id=200";

#[test]
fn a_device_is_attached_and_nothing_is_done_for_show() {
    let host = Host::new();
    assert_eq!(host.run(&format!("{ATTACH} --dry-run")).exit, 0);
    assert_eq!(host.value("vgpu-stub"), None);
    assert_eq!(host.run(ATTACH).exit, 0);
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn the_key_says_what_is_not_as_it_is_by_itself() {
    let host = Host::new();
    let run = host.run(&format!(
        "{ATTACH} --revision 2 --msix off --command-latency-us 100"
    ));
    assert_eq!(run.exit, 0, "{run:?}");
    let all = format!("{VALUE},revision=2,msix=off,command-latency-us=100");
    assert_eq!(host.value("vgpu-stub").unwrap(), all);
    let vm = &host.run("list -J").json()["vms"][0];
    assert_eq!(vm["devices"][0]["msix"], "off");
    assert_eq!(vm["devices"][0]["command_latency_us"], 100);

    // A hook that knows no more than there was before takes it.
    let run = host.run(&format!("{ATTACH} --msix auto --command-latency-us 0"));
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn messages_take_revision_3() {
    let host = Host::new();
    for older in ["--revision 1", "--revision 2"] {
        let run = host.run(&format!("{ATTACH} --messages on {older}"));
        assert_eq!(run.exit, 2, "{run:?}");
        assert!(
            run.stderr.contains("messages=on needs revision=3"),
            "{run:?}"
        );
        assert_eq!(host.value("vgpu-stub"), None);
    }
    let run = host.run(&format!("{ATTACH} --messages on --revision 3"));
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(
        host.value("vgpu-stub").unwrap(),
        format!("{VALUE},revision=3,messages=on")
    );
    let vm = &host.run("list -J").json()["vms"][0];
    assert_eq!(vm["devices"][0]["messages"], "on");
}

#[test]
fn what_takes_revision_2_is_not_attached_to_revision_1() {
    let host = Host::new();
    for option in ["--msix on", "--command-latency-us 1"] {
        let run = host.run(&format!("{ATTACH} {option}"));
        assert_eq!(run.exit, 2, "{run:?}");
        assert!(run.stderr.contains("needs revision=2"), "{run:?}");
        assert_eq!(host.value("vgpu-stub"), None);
    }
}

#[test]
fn one_more_is_added_and_without_add_all_are_replaced() {
    let host = Host::new();
    host.run(ATTACH);
    assert_eq!(host.run("attach Test-2 --add --vm-id 7").exit, 0);
    let both = format!("{VALUE};pool_id=A,priority=medium,vm_id=7");
    assert_eq!(host.value("vgpu-stub").unwrap(), both);

    let run = host.run("list -J");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    let vm = &run.json()["vms"][0];
    assert_eq!(vm["uuid"], UUID);
    assert_eq!(vm["devices"][0]["vm_id"], 200);
    assert_eq!(vm["devices"][1]["id"], "vgpu-stub1");

    // What is replaced is named.
    let run = host.run(ATTACH);
    assert!(
        run.stdout.contains(&format!("instead of {both}")),
        "{run:?}"
    );
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
    let run = host.run(&format!("{ATTACH} -J"));
    assert_eq!(run.json()["vm"]["replaced"][0]["vm_id"], 200);
}

#[test]
fn no_more_are_attached_than_the_hook_takes() {
    let host = Host::new();
    for _ in 0..8 {
        assert_eq!(host.run("attach Test-2 --add").exit, 0);
    }
    let run = host.run("attach Test-2 --add");
    assert_eq!(run.exit, 2);
    assert!(run.stderr.contains("at most 8"), "{run:?}");
}

#[test]
fn both_keys_are_detached() {
    let host = Host::new();
    host.run(ATTACH);
    host.set_value("device-model-args", "-device vgpu-stub");
    assert_eq!(host.run("detach Test-2").exit, 0);
    assert_eq!(host.value("vgpu-stub"), None);
    assert_eq!(host.value("device-model-args"), None);
    assert!(
        host.run("detach Test-2")
            .stdout
            .contains("there was no device")
    );
}

#[test]
fn what_the_hook_would_refuse_is_named_and_not_added_to() {
    let host = Host::new();
    host.set_value("device-model-args", "-device vgpu-stub -S");
    assert!(host.run("list").stdout.contains("'-S'"));
    assert_eq!(host.run("attach Test-2 --add").exit, 8);
    assert_eq!(host.value("vgpu-stub"), None);
    // It can be replaced.
    assert_eq!(host.run(ATTACH).exit, 0);
    assert_eq!(host.value("vgpu-stub").unwrap(), VALUE);
}

#[test]
fn wrong_arguments_change_nothing_and_are_a_document_where_one_is_asked_for() {
    let host = Host::new();
    for arguments in [
        "attach Test-2 --pool C",
        "attach Test-2 --vm-id 010",
        "nonsense",
    ] {
        let run = host.run(arguments);
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{arguments}");
        let document = host.run(&format!("{arguments} -J")).json();
        assert_eq!(document["error"]["kind"], "usage", "{arguments}");
        assert_eq!(document["error"]["exit"], 2);
    }
    let run = host.run("attach nobody -J");
    assert_eq!(run.exit, 3);
    assert_eq!(run.json()["error"]["kind"], "no_vm");
    assert_eq!(host.value("vgpu-stub"), None);
}
