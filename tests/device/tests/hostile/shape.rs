// SPDX-License-Identifier: GPL-2.0

//! What it is on the bus: its class and its BAR0.

use device_tests::{Chipset, Width, pci, refuse};
use vgpu::uapi::*;

use super::{SLOT, machine};

#[test]
fn it_can_have_another_class() {
    let mut machine = machine(",class=0x0300");
    assert_eq!(SLOT.read16(&mut machine.cpu, pci::CLASS), 0x0300);
}

#[test]
fn bar0_can_be_too_small() {
    let mut machine = machine(",bar0-size=16");
    SLOT.write(&mut machine.cpu, pci::BAR0, u32::MAX);
    assert_eq!(SLOT.read(&mut machine.cpu, pci::BAR0), !0xf);
    let bar0 = SLOT.enable(&mut machine.cpu);
    let value = bar0.read(&mut machine.cpu, Width::Long, VGPU_REG_PRIORITY.into());
    assert_eq!(value, u64::from(VGPU_PRIORITY_MEDIUM));
}

#[test]
fn bar0_can_be_io_ports() {
    const IO_DECODING: u32 = 0x1;
    let mut machine = machine(",bar0-io=on,bar0-size=32");
    let cpu = &mut machine.cpu;
    SLOT.write(cpu, pci::BAR0, 0xd000);
    assert_eq!(SLOT.read(cpu, pci::BAR0), 0xd001);
    SLOT.write16(cpu, pci::COMMAND, IO_DECODING);
    assert_eq!(cpu.inl(0xd008), VGPU_POOL_ID_A);
}

#[test]
fn a_bar_that_pci_cannot_express_is_refused() {
    for size in ["0", "8", "48"] {
        let device = format!("vgpu-stub-hostile,bar0-size={size}");
        let refusal = refuse(Chipset::Pc, &["-device", &device]);
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.stderr);
        assert!(
            refusal.stderr.contains("power of two"),
            "{}",
            refusal.stderr
        );
    }
}
