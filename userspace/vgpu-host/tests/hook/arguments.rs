// SPDX-License-Identifier: GPL-2.0

//! What the stock wrapper is given.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use crate::dom0::{DOMAIN, Dom0, OLDER, TYPED};

const B: &str = "vgpu-stub,pool_id=B,priority=high,vm_id=200,id=vgpu-stub0,addr=0x1e";

#[test]
fn without_a_key_the_arguments_are_those_of_xenopsd() {
    let run = Dom0::new().start();
    assert_eq!(run.added(), [""; 0]);
    assert!(run.same_process);
    assert_eq!((run.stderr.as_str(), run.log.len()), ("", 0));
}

#[test]
fn the_typed_key_adds_its_device() {
    let dom0 = Dom0::new().key(TYPED, "pool_id=B,priority=high,vm_id=200");
    let run = dom0.start();
    assert_eq!(run.added(), ["-device", B]);
    assert!(run.same_process);
    let [line] = &run.log[..] else {
        panic!("{run:?}");
    };
    // daemon.info, and what the guide greps for.
    assert!(line.starts_with("<30>"), "{line}");
    assert!(line.contains("vgpu-dm-hook["), "{line}");
    let text = format!("domain {DOMAIN} adding -device {B}");
    assert!(line.ends_with(&text), "{line}");
}

#[test]
fn the_guides_key_adds_its_device() {
    let value = "-device vgpu-stub,pool_id=B,priority=high,vm_id=200";
    let run = Dom0::new().key(OLDER, value).start();
    assert_eq!(run.added(), ["-device", B]);
}

#[test]
fn two_devices_have_ids_and_slots_of_their_own() {
    let typed = Dom0::new().key(TYPED, "pool_id=A;pool_id=B,vm_id=7");
    let older = "-device vgpu-stub,id=gpu0,pool_id=A -device vgpu-stub,id=gpu1,pool_id=B,vm_id=7";
    for dom0 in [typed, Dom0::new().key(OLDER, older)] {
        let added = [
            "-device",
            "vgpu-stub,pool_id=A,priority=medium,vm_id=0,id=vgpu-stub0,addr=0x1e",
            "-device",
            "vgpu-stub,pool_id=B,priority=medium,vm_id=7,id=vgpu-stub1,addr=0x1d",
        ];
        assert_eq!(dom0.start().added(), added);
    }
}

#[test]
fn a_device_with_messages_has_a_socket_of_the_hooks_making() {
    let dom0 = Dom0::new().key(TYPED, "vm_id=1;vm_id=7,revision=3,messages=on");
    let run = dom0.start();
    let added = [
        "-device",
        "vgpu-stub,pool_id=A,priority=medium,vm_id=1,id=vgpu-stub0,addr=0x1e",
        "-chardev",
        "socket,id=vgpu-stub1-messages,path=/run/vgpu-pool/dom5-vgpu-stub1.sock,server=on,wait=off",
        "-device",
        "vgpu-stub,pool_id=A,priority=medium,vm_id=7,revision=3,chardev=vgpu-stub1-messages,\
         id=vgpu-stub1,addr=0x1d",
    ];
    assert_eq!(run.added(), added);
    let directory = fs::metadata(dom0.path("run/vgpu-pool")).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o755);
    assert!(Dom0::new().key(TYPED, "revision=3").start().words.is_some());
}

#[test]
fn a_place_for_sockets_that_cannot_be_made_stops_the_start() {
    let dom0 = Dom0::new().key(TYPED, "revision=3,messages=on");
    std::os::unix::fs::symlink("/proc/nothing", dom0.path("run/vgpu-pool")).unwrap();
    // What is there in its place is for QEMU to complain about.
    assert!(dom0.start().words.is_some());
    fs::remove_file(dom0.path("run/vgpu-pool")).unwrap();
    fs::rename(dom0.path("run"), dom0.path("elsewhere")).unwrap();
    let socket = dom0.path("elsewhere/xenstored/socket");
    let dom0 = dom0.setting(&format!("xenstore-socket = {}", socket.display()));
    let run = dom0.start();
    assert!(run.words.is_none());
    assert!(
        run.refused().contains("attach the device without"),
        "{run:?}"
    );
}

#[test]
fn with_both_keys_the_typed_one_counts_and_the_log_says_so() {
    let run = Dom0::new()
        .key(TYPED, "pool_id=B,priority=high,vm_id=200")
        .key(OLDER, "-device vgpu-stub,pool_id=A")
        .start();
    assert_eq!(run.added(), ["-device", B]);
    assert_eq!(run.log.len(), 2);
    assert!(
        run.log[0].contains("device-model-args is ignored"),
        "{run:?}"
    );
}

#[test]
fn a_slot_that_xenopsd_uses_is_left_alone() {
    let dom0 = Dom0::new().key(TYPED, "pool_id=A");
    let words = [DOMAIN, "-device", "pci-assign,addr=1e.0"].map(OsString::from);
    let run = dom0.start_with(words);
    let words = run.words.unwrap();
    assert!(
        words
            .last()
            .unwrap()
            .to_str()
            .unwrap()
            .ends_with(",addr=0x1d")
    );
}

#[test]
fn arguments_that_are_no_text_pass_unchanged() {
    let dom0 = Dom0::new().key(TYPED, "pool_id=A");
    let mut words = vec![OsString::from(DOMAIN)];
    for word in [
        &b"\xff\xfe"[..],
        b"",
        b"a b\n'\"",
        b"-device",
        b"\x80,addr=1e",
    ] {
        words.push(OsString::from_vec(word.to_vec()));
    }
    let run = dom0.start_with(words.clone());
    let recorded = run.words.unwrap();
    assert_eq!(recorded[..words.len()], words[..]);
    assert_eq!(recorded.len(), words.len() + 2);
}
