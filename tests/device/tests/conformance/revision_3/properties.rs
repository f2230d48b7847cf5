// SPDX-License-Identifier: GPL-2.0

//! What the property of messages is refused for.

use device_tests::{Chipset, refuse};

#[test]
fn a_chardev_needs_revision_3() {
    for revision in [1, 2] {
        let device = format!("vgpu-stub,revision={revision},chardev=backend");
        let refusal = refuse(
            Chipset::Pc,
            &["-chardev", "null,id=backend", "-device", &device],
        );
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
        let end = format!("{device}: vgpu-stub: chardev needs revision=3\n");
        assert!(refusal.stderr.ends_with(&end), "{}", refusal.stderr);
    }
}

#[test]
fn a_chardev_that_is_none_or_another_devices_stops_qemu() {
    let one = "vgpu-stub,revision=3,chardev=backend";
    let twice = [
        "-chardev",
        "null,id=backend",
        "-device",
        one,
        "-device",
        one,
    ];
    for arguments in [&["-device", one][..], &twice] {
        let refusal = refuse(Chipset::Pc, arguments);
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
        assert!(refusal.stderr.contains("backend"), "{}", refusal.stderr);
    }
}
