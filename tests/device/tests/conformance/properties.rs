// SPDX-License-Identifier: GPL-2.0

//! What the properties make of the device, and what they refuse.

use device_tests::pci::Slot;
use device_tests::{Chipset, Identity, Machine, QmpError, refuse};
use serde_json::json;
use vgpu::uapi::*;

/// Plugs these devices in from slot 2 on and reads each one's identity.
fn identities(devices: &[String]) -> Vec<Identity> {
    let arguments: Vec<String> = devices
        .iter()
        .zip(2..)
        .flat_map(|(device, slot): (_, u8)| ["-device".into(), format!("{device},addr={slot:#x}")])
        .collect();
    let mut machine = Machine::start(Chipset::Pc, &arguments);
    (2..)
        .take(devices.len())
        .map(|slot| {
            let bar0 = Slot::root(slot).enable(&mut machine.cpu);
            Identity {
                pool_id: bar0.register(&mut machine, VGPU_REG_POOL_ID),
                priority: bar0.register(&mut machine, VGPU_REG_PRIORITY),
                vm_id: bar0.register(&mut machine, VGPU_REG_VM_ID),
            }
        })
        .collect()
}

/// That QEMU does not start with these properties, and the end of what it says.
fn assert_refused(properties: &str, reason: &str) {
    let device = format!("vgpu-stub,{properties}");
    let refusal = refuse(Chipset::Pc, &["-device", &device]);
    assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
    assert!(
        refusal.stderr.ends_with(&format!("{device}: {reason}\n")),
        "{}",
        refusal.stderr
    );
}

#[test]
fn every_combination_of_pool_and_priority_reads_as_configured() {
    // Absent and empty are the default.
    let pools = [
        ("", VGPU_POOL_ID_A),
        (",pool_id=", VGPU_POOL_ID_A),
        (",pool_id=A", VGPU_POOL_ID_A),
        (",pool_id=B", VGPU_POOL_ID_B),
    ];
    let priorities = [
        ("", VGPU_PRIORITY_MEDIUM),
        (",priority=", VGPU_PRIORITY_MEDIUM),
        (",priority=low", VGPU_PRIORITY_LOW),
        (",priority=medium", VGPU_PRIORITY_MEDIUM),
        (",priority=high", VGPU_PRIORITY_HIGH),
    ];
    let mut devices = Vec::new();
    let mut expected = Vec::new();
    for (pool, pool_id) in pools {
        for (name, priority) in priorities {
            let vm_id = 1000 + u32::try_from(devices.len()).unwrap();
            devices.push(format!("vgpu-stub{pool}{name},vm_id={vm_id}"));
            expected.push(Identity {
                pool_id,
                priority,
                vm_id,
            });
        }
    }
    assert_eq!(identities(&devices), expected);
}

#[test]
fn the_usage_examples_of_the_guide_read_as_it_says() {
    let example = |properties: &str, pool_id, priority, vm_id| {
        let identity = Identity {
            pool_id,
            priority,
            vm_id,
        };
        (format!("vgpu-stub{properties}"), identity)
    };
    let examples = [
        example("", VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, 0),
        example(
            ",pool_id=B,priority=high,vm_id=100",
            VGPU_POOL_ID_B,
            VGPU_PRIORITY_HIGH,
            100,
        ),
        example(
            ",pool_id=A,priority=low,vm_id=42",
            VGPU_POOL_ID_A,
            VGPU_PRIORITY_LOW,
            42,
        ),
        // The fourth is two devices.
        example(
            ",id=gpu0,pool_id=A",
            VGPU_POOL_ID_A,
            VGPU_PRIORITY_MEDIUM,
            0,
        ),
        example(
            ",id=gpu1,pool_id=B",
            VGPU_POOL_ID_B,
            VGPU_PRIORITY_MEDIUM,
            0,
        ),
        // The one its success story shows.
        example(
            ",pool_id=B,priority=high,vm_id=200",
            VGPU_POOL_ID_B,
            VGPU_PRIORITY_HIGH,
            200,
        ),
    ];
    let (devices, expected): (Vec<_>, Vec<_>) = examples.into_iter().unzip();
    assert_eq!(identities(&devices), expected);
}

#[test]
fn vm_id_takes_all_of_32_bits() {
    let ids = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let devices = ids.map(|id| format!("vgpu-stub,vm_id={id}"));
    let expected = ids.map(|vm_id| Identity {
        vm_id,
        ..Identity::default()
    });
    assert_eq!(identities(&devices), expected);
}

#[test]
fn a_vm_id_out_of_range_stops_qemu() {
    for value in ["4294967296", "18446744073709551616", "-1", "twelve", ""] {
        let refusal = refuse(
            Chipset::Pc,
            &["-device", &format!("vgpu-stub,vm_id={value}")],
        );
        assert_eq!(refusal.status.code(), Some(1), "{value}");
        assert!(refusal.stderr.contains("vm_id"), "{}", refusal.stderr);
    }
}

#[test]
fn an_invalid_pool_stops_qemu_with_the_text_of_the_guide() {
    for value in ["C", "a", "AB", "AA", "0", " A"] {
        assert_refused(
            &format!("pool_id={value}"),
            &format!("vgpu-stub: pool_id must be 'A' or 'B', got '{value}'"),
        );
    }
}

#[test]
fn an_invalid_priority_stops_qemu_with_the_text_of_the_guide() {
    for value in ["urgent", "High", "hig", "highest", "2"] {
        assert_refused(
            &format!("priority={value}"),
            &format!("vgpu-stub: priority must be 'low', 'medium', or 'high', got '{value}'"),
        );
    }
}

#[test]
fn an_unknown_property_stops_qemu() {
    let refusal = refuse(Chipset::Pc, &["-device", "vgpu-stub,pool=A"]);
    assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
    // QEMU's own words; 4.2 leaves the name of the device out.
    assert!(
        refusal.stderr.ends_with(".pool' not found\n"),
        "{}",
        refusal.stderr
    );
}

#[test]
fn properties_read_back_through_qmp_with_defaults_filled_in() {
    let mut machine = Machine::start(
        Chipset::Pc,
        &[
            "-device",
            "vgpu-stub,id=plain",
            "-device",
            "vgpu-stub,id=full,pool_id=B,priority=low,vm_id=9",
        ],
    );
    let mut get = |device: &str, property: &str| machine.qmp.get(device, property);
    assert_eq!(get("plain", "pool_id"), "A");
    assert_eq!(get("plain", "priority"), "medium");
    assert_eq!(get("plain", "vm_id"), 0);
    assert_eq!(get("full", "pool_id"), "B");
    assert_eq!(get("full", "priority"), "low");
    assert_eq!(get("full", "vm_id"), 9);
}

#[test]
fn properties_of_a_plugged_device_cannot_be_changed() {
    let mut machine = Machine::start(Chipset::Pc, &["-device", "vgpu-stub,id=gpu,addr=4"]);
    for (property, value) in [
        ("pool_id", json!("B")),
        ("priority", json!("high")),
        ("vm_id", json!(5)),
    ] {
        assert_eq!(
            machine.qmp.set("gpu", property, value),
            Err(QmpError {
                class: "GenericError".into(),
                description: format!(
                    "Attempt to set property '{property}' on device 'gpu' \
                     (type 'vgpu-stub') after it was realized"
                ),
            })
        );
    }
    let bar0 = Slot::root(4).enable(&mut machine.cpu);
    assert_eq!(
        bar0.register(&mut machine, VGPU_REG_POOL_ID),
        VGPU_POOL_ID_A
    );
    assert_eq!(
        bar0.register(&mut machine, VGPU_REG_PRIORITY),
        VGPU_PRIORITY_MEDIUM
    );
    assert_eq!(bar0.register(&mut machine, VGPU_REG_VM_ID), 0);
}
