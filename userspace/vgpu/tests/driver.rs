// SPDX-License-Identifier: GPL-2.0

//! The driver's decoding of the identity registers, which has no kernel in it, by
//! the vectors that the library's is tested with.

#[path = "../../../drivers/vgpu_stub/identity.rs"]
mod identity;

use identity::{Identity, Part};

include!("../../../tests/vectors/identity.rs");

/// Returns an identity of which one part is `raw`.
fn of(part: Part, raw: u32) -> Identity {
    let mut identity = Identity {
        pool_id: 0,
        priority: 0,
        vm_id: 0,
    };
    *identity.part_mut(part) = raw;
    identity
}

fn shown(part: Part, raw: u32) -> String {
    let mut text = String::new();
    of(part, raw).write(part, &mut text).unwrap();
    text
}

#[test]
fn the_driver_shows_a_pool_as_the_library_does() {
    for (raw, text) in POOLS {
        assert_eq!(shown(Part::PoolId, raw), text);
        assert_eq!(
            of(Part::PoolId, raw).pool_letter().is_none(),
            text.starts_with("0x")
        );
    }
}

#[test]
fn the_driver_shows_a_priority_as_the_library_does() {
    for (raw, text) in PRIORITIES {
        assert_eq!(shown(Part::Priority, raw), text);
        assert_eq!(of(Part::Priority, raw).priority_name().is_some(), raw < 3);
    }
}

#[test]
fn the_driver_shows_a_vm_id_in_decimal() {
    for vm_id in [0, 200, u32::MAX] {
        assert_eq!(shown(Part::VmId, vm_id), vm_id.to_string());
    }
}
