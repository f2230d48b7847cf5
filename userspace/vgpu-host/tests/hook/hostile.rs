// SPDX-License-Identifier: GPL-2.0

//! Values of somebody who wants more than a device.

use crate::dom0::{Dom0, OLDER, TYPED};

/// Behind something valid, each of these is one thing too many.
const ENDINGS: [&[u8]; 16] = [
    b" ",
    b" -S",
    b" -chardev file,id=x,path=/etc/shadow",
    b" -runas 0:0",
    b" -device virtio-net-pci",
    b",",
    b",,",
    b",romfile=/etc/shadow",
    b";",
    b"\n-chardev null,id=x",
    b"\n",
    b"'",
    b"\"",
    b"\\x00",
    b"\xff\xfe",
    b"$(reboot)",
];

#[test]
fn no_ending_of_the_typed_key_adds_an_argument() {
    for ending in ENDINGS {
        let value = [b"pool_id=B,priority=high,vm_id=200", ending].concat();
        let run = Dom0::new().key(TYPED, &value).start();
        assert!(run.refused().contains("platform/vgpu-stub"), "{run:?}");
    }
}

#[test]
fn no_ending_of_the_guides_key_adds_an_argument() {
    // To the older key a space at the end is nothing, and another of our
    // devices is allowed.
    for ending in &ENDINGS[1..] {
        let value = [b"-device vgpu-stub,pool_id=B", *ending].concat();
        let run = Dom0::new().key(OLDER, &value).start();
        assert!(
            run.refused().contains("platform/device-model-args"),
            "{run:?}"
        );
    }
}

#[test]
fn a_value_of_64_kib_adds_nothing() {
    let pattern = b"pool_id=A,vm_id=1;";
    let long: Vec<u8> = pattern.iter().copied().cycle().take(64 << 10).collect();
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
