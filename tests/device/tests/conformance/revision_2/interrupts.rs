// SPDX-License-Identifier: GPL-2.0

//! INTx and MSI-X.

use device_tests::{Chipset, Width, pci};
use vgpu::uapi::*;

use super::{Bench, LATENCY, SLOT, SLOW};

const BOTH: u32 = VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED;

/// Where the vectors' messages go, which are kept there as plain memory would.
const MAILBOX: u64 = 0x10_0000;
const BAR1: u64 = 0xe080_0000;
const MSIX: u8 = 0x11;
const MSIX_ENABLE: u32 = 0x8000;

#[test]
fn the_line_is_active_as_long_as_a_bit_is_set_in_both_registers() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let mut bench = Bench::on(chipset, "msix=off");
        bench.set(VGPU_REG_COMMAND, 1);
        bench.change("priority", "low").unwrap();
        assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), BOTH);
        assert!(!bench.interrupts());

        bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
        assert!(bench.interrupts());
        bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_COMMAND_DONE);
        assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), VGPU_IRQ_CONFIG_CHANGED);
        assert!(bench.interrupts());
        bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_CONFIG_CHANGED);
        assert!(!bench.interrupts());

        bench.set(VGPU_REG_COMMAND, 2);
        assert!(bench.interrupts());
        bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_CONFIG_CHANGED);
        assert!(!bench.interrupts());
        bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE);
        assert!(bench.interrupts());
    }
}

#[test]
fn only_the_bits_that_there_are_can_be_enabled_and_cleared() {
    let mut bench = Bench::start("");
    bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
    assert_eq!(bench.get(VGPU_REG_IRQ_ENABLE), BOTH);
    bench.set(VGPU_REG_COMMAND, 1);
    // What is written as 0 stays.
    bench.set(VGPU_REG_IRQ_STATUS, 0);
    bench.set(VGPU_REG_IRQ_STATUS, !VGPU_IRQ_COMMAND_DONE);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), VGPU_IRQ_COMMAND_DONE);
    bench.set(VGPU_REG_IRQ_STATUS, u32::MAX);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
}

impl Bench {
    /// Turns MSI-X on, with a message for each vector.
    pub(super) fn enable_msix(&mut self) {
        let cpu = &mut self.machine.cpu;
        let capability = SLOT.capability(cpu, MSIX);
        // Both tables are in BAR1, and there are two vectors.
        assert_eq!(SLOT.read(cpu, capability + 4) & 7, 1);
        assert_eq!(SLOT.read(cpu, capability + 8) & 7, 1);
        assert_eq!(
            SLOT.read16(cpu, capability + 2) & 0x7ff,
            VGPU_MSIX_VECTORS - 1
        );
        SLOT.write(cpu, pci::BAR0 + 4, BAR1.try_into().unwrap());
        for vector in 0..u64::from(VGPU_MSIX_VECTORS) {
            let entry = BAR1 + 16 * vector;
            cpu.write(Width::Long, entry, MAILBOX + 8 * vector);
            cpu.write(Width::Long, entry + 4, 0);
            cpu.write(Width::Long, entry + 8, 0x100 + vector);
            cpu.write(Width::Long, entry + 12, 0);
        }
        SLOT.write16(cpu, capability + 2, MSIX_ENABLE);
    }

    /// Which vectors have sent their message since this was asked last.
    pub(super) fn messages(&mut self) -> [bool; VGPU_MSIX_VECTORS as usize] {
        [0, 1].map(|vector| {
            let address = MAILBOX + 8 * vector;
            let found = self.machine.cpu.read(Width::Long, address);
            self.machine.cpu.write(Width::Long, address, 0);
            assert!(found == 0 || found == 0x100 + vector, "{found:#x}");
            found != 0
        })
    }
}

#[test]
fn each_vector_is_sent_when_its_bit_becomes_active() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let mut bench = Bench::on(chipset, SLOW);
        bench.enable_msix();
        bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
        assert_eq!(bench.messages(), [false, false]);

        bench.set(VGPU_REG_COMMAND, 1);
        assert_eq!(bench.messages(), [false, false]);
        bench.pass(LATENCY);
        assert_eq!(bench.messages(), [true, false]);
        bench.change("vm_id", 1).unwrap();
        assert_eq!(bench.messages(), [false, true]);
        // It is active already.
        bench.change("vm_id", 2).unwrap();
        assert_eq!(bench.messages(), [false, false]);
        bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_CONFIG_CHANGED);
        bench.change("vm_id", 3).unwrap();
        assert_eq!(bench.messages(), [false, true]);
        // Never by the line.
        assert!(!bench.interrupts());
    }
}

#[test]
fn what_happened_while_it_was_disabled_is_sent_when_it_is_enabled() {
    let mut bench = Bench::start("");
    bench.enable_msix();
    bench.set(VGPU_REG_COMMAND, 1);
    assert_eq!(bench.messages(), [false, false]);
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    assert_eq!(bench.messages(), [true, false]);
}

#[test]
fn a_vector_that_is_masked_is_sent_when_it_is_unmasked() {
    let mut bench = Bench::start("");
    bench.enable_msix();
    let control = BAR1 + 12;
    bench.machine.cpu.write(Width::Long, control, 1);
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set(VGPU_REG_COMMAND, 1);
    assert_eq!(bench.messages(), [false, false]);
    bench.machine.cpu.write(Width::Long, control, 0);
    assert_eq!(bench.messages(), [true, false]);
}

#[test]
fn with_msix_turned_off_again_the_line_is_used() {
    let mut bench = Bench::start("");
    bench.enable_msix();
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set(VGPU_REG_COMMAND, 1);
    assert!(!bench.interrupts());
    let cpu = &mut bench.machine.cpu;
    let capability = SLOT.capability(cpu, MSIX);
    SLOT.write16(cpu, capability + 2, 0);
    assert!(bench.interrupts());
    SLOT.write16(&mut bench.machine.cpu, capability + 2, MSIX_ENABLE);
    assert!(!bench.interrupts());
}
