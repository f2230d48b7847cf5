// SPDX-License-Identifier: GPL-2.0

//! What stops a start, and what it says.

use std::ffi::OsString;

use crate::dom0::{Dom0, OLDER, TYPED};

#[test]
fn a_malformed_key_stops_the_start_and_says_what_and_where() {
    let run = Dom0::new().key(TYPED, "pool_id=C").start();
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(
        run.refused(),
        "domain 5 not started: /local/domain/5/platform/vgpu-stub: 'pool_id=C': pool_id is A or B \
         (vgpu-host attach sets what is right)"
    );
}

#[test]
fn a_setting_turns_that_into_a_start_without_devices() {
    let run = Dom0::new()
        .setting("on-error = start-without")
        .key(TYPED, "pool_id=C")
        .start();
    assert_eq!(run.added(), [""; 0]);
    // daemon.warning
    assert!(run.log[0].starts_with("<28>"), "{run:?}");
    assert!(run.log[0].contains("started without vGPU stubs"), "{run:?}");
}

#[test]
fn the_typed_key_counts_even_if_it_is_wrong() {
    let run = Dom0::new()
        .key(TYPED, "")
        .key(OLDER, "-device vgpu-stub")
        .start();
    assert_eq!(run.words, None);
    assert!(run.stderr.contains("a device is empty"), "{run:?}");
}

#[test]
fn a_wrapper_that_is_not_there_is_named() {
    let dom0 = Dom0::new().setting("wrapper = /nowhere/qemu-wrapper");
    assert!(
        dom0.start()
            .refused()
            .contains("cannot run /nowhere/qemu-wrapper")
    );
}

#[test]
fn a_configuration_that_makes_no_sense_stops_every_start() {
    let run = Dom0::new().setting("on-eror = start-without").start();
    assert_eq!(run.words, None);
    assert!(
        run.stderr
            .contains("hook.conf:3: there is no setting 'on-eror'"),
        "{run:?}"
    );
}

#[test]
fn a_call_without_a_domain_is_wrong_usage() {
    for words in [vec![], vec!["--help"], vec!["-1"]] {
        let run = Dom0::new().start_with(words.into_iter().map(OsString::from));
        assert_eq!(run.status.code(), Some(2));
        assert!(run.refused().contains("no domain"), "{run:?}");
    }
}

#[test]
fn the_guides_key_and_the_guides_patch_do_not_add_a_device_twice() {
    let dom0 = Dom0::new().key(OLDER, "-device vgpu-stub");
    dom0.program("qemu-wrapper", "# Adding device-model-args from xenstore\n");
    assert!(
        dom0.start()
            .refused()
            .contains("vgpu-host install removes that patch")
    );
}

#[test]
fn a_log_that_is_not_there_stops_nothing() {
    let dom0 = Dom0::new()
        .key(TYPED, "pool_id=A")
        .setting("log = /nowhere/log");
    assert_eq!(dom0.start().added().len(), 2);
}
