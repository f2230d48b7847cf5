// SPDX-License-Identifier: GPL-2.0

//! The driver's decoding of the identity registers, which has no kernel in it, by
//! the vectors that the library's is tested with.

#[path = "../../../drivers/vgpu_stub/identity.rs"]
mod identity;

use identity::Identity;

include!("../../../tests/vectors/identity.rs");

fn of(pool_id: u32, priority: u32, vm_id: u32) -> Identity {
    Identity {
        pool_id,
        priority,
        vm_id,
    }
}

#[test]
fn the_driver_shows_a_pool_as_the_library_does() {
    for (raw, text) in POOLS {
        let mut shown = String::new();
        of(raw, 0, 0).write_pool_id(&mut shown).unwrap();
        assert_eq!(shown, text);
        assert_eq!(
            of(raw, 0, 0).pool_letter().is_none(),
            text.starts_with("0x")
        );
    }
}

#[test]
fn the_driver_shows_a_priority_as_the_library_does() {
    for (raw, text) in PRIORITIES {
        let mut shown = String::new();
        of(0, raw, 0).write_priority(&mut shown).unwrap();
        assert_eq!(shown, text);
        assert_eq!(of(0, raw, 0).priority_name().is_some(), raw < 3);
    }
}

#[test]
fn the_driver_shows_a_vm_id_in_decimal() {
    for vm_id in [0, 200, u32::MAX] {
        let mut shown = String::new();
        of(0, 0, vm_id).write_vm_id(&mut shown).unwrap();
        assert_eq!(shown, vm_id.to_string());
    }
}
