// SPDX-License-Identifier: GPL-2.0

//! What the properties make of the device, and what they refuse.

use device_tests::{Chipset, Machine, pci, refuse};
use vgpu::uapi::*;

use super::{Bench, SLOT};

#[test]
fn the_revision_is_in_configuration_space() {
    let mut bench = Bench::start("pool_id=B,priority=high,vm_id=200");
    let revision = SLOT.read8(&mut bench.machine.cpu, pci::REVISION_ID);
    assert_eq!(revision, VGPU_PCI_REVISION_2);
    let identity = [VGPU_REG_POOL_ID, VGPU_REG_PRIORITY, VGPU_REG_VM_ID];
    assert_eq!(
        bench.all(identity),
        [VGPU_POOL_ID_B, VGPU_PRIORITY_HIGH, 200]
    );
}

#[test]
fn without_msix_there_is_no_second_bar_and_no_capability() {
    for properties in ["revision=2,msix=off", "revision=1", "revision=1,msix=off"] {
        let device = format!("vgpu-stub,addr=4,{properties}");
        let mut machine = Machine::start(Chipset::Pc, &["-device", &device]);
        SLOT.write(&mut machine.cpu, pci::BAR0 + 4, u32::MAX);
        assert_eq!(
            SLOT.read(&mut machine.cpu, pci::BAR0 + 4),
            0,
            "{properties}"
        );
        assert_eq!(
            SLOT.read8(&mut machine.cpu, pci::CAPABILITIES),
            0,
            "{properties}"
        );
    }
}

#[test]
fn what_revision_1_does_not_have_it_refuses() {
    for (properties, reason) in [
        ("revision=0", "revision must be 1, 2 or 3, got 0"),
        ("revision=4", "revision must be 1, 2 or 3, got 4"),
        (
            "command-latency-us=5",
            "command-latency-us needs revision=2",
        ),
        (
            "revision=1,command-latency-us=5",
            "command-latency-us needs revision=2",
        ),
        ("msix=on", "msix needs revision=2"),
    ] {
        let device = format!("vgpu-stub,{properties}");
        let refusal = refuse(Chipset::Pc, &["-device", &device]);
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
        let end = format!("{device}: vgpu-stub: {reason}\n");
        assert!(refusal.stderr.ends_with(&end), "{}", refusal.stderr);
    }
}
