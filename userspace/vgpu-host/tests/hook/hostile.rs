// SPDX-License-Identifier: GPL-2.0

//! Values of somebody who wants more than a device.

use crate::dom0::{Dom0, OLDER, TYPED};
use crate::values::{DEVICE, ENDINGS, ENDINGS_OF_TYPED, NOT_ARGUMENTS, NOT_TYPED};
use crate::xenstored::LONGEST;

fn refused(key: &str, value: &[u8]) {
    let run = Dom0::new().key(key, value).start();
    assert!(
        run.refused().contains(&format!("platform/{key}")),
        "{run:?}"
    );
}

#[test]
fn no_ending_of_the_typed_key_adds_an_argument() {
    for ending in ENDINGS.iter().chain(&ENDINGS_OF_TYPED) {
        refused(TYPED, &[DEVICE.as_bytes(), ending].concat());
    }
}

#[test]
fn no_ending_of_the_guides_key_adds_an_argument() {
    for ending in ENDINGS {
        refused(
            OLDER,
            &[b"-device vgpu-stub,", DEVICE.as_bytes(), ending].concat(),
        );
    }
}

#[test]
fn no_other_value_adds_an_argument() {
    for value in NOT_TYPED {
        refused(TYPED, value);
    }
    for value in NOT_ARGUMENTS {
        refused(OLDER, value);
    }
}

#[test]
fn the_longest_value_adds_nothing() {
    let pattern = b"pool_id=A,vm_id=1;";
    let long: Vec<u8> = pattern.iter().copied().cycle().take(LONGEST).collect();
    for key in [TYPED, OLDER] {
        let run = Dom0::new().key(key, &long).start();
        assert!(
            run.refused()
                .ends_with("(vgpu-host attach sets what is right)")
        );
        assert!(run.stderr.len() < 512, "{run:?}");
    }
}

#[test]
fn what_is_shown_of_a_value_is_printable() {
    let run = Dom0::new()
        .key(TYPED, b"pool_id=\x1b[2J\x07\xff<30>")
        .start();
    let text = run.refused();
    assert!(text.contains(r"'pool_id=\x1b[2J\x07\xff<30>'"), "{text}");
    assert!(
        text.bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    );
}
