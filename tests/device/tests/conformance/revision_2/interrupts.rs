// SPDX-License-Identifier: GPL-2.0

//! INTx and MSI-X.

use device_tests::{Chipset, Msix};
use vgpu::uapi::*;

use super::{Bench, LATENCY, SLOT, SLOW};

const BOTH: u32 = VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED;

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
    pub(super) fn enable_msix(&mut self) -> Msix {
        Msix::enable(SLOT, &mut self.machine.cpu, VGPU_MSIX_VECTORS)
    }

    /// Which vectors have sent their message since this was asked last.
    pub(super) fn messages(&mut self, msix: Msix) -> Vec<bool> {
        msix.messages(&mut self.machine.cpu)
    }
}

#[test]
fn each_vector_is_sent_when_its_bit_becomes_active() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let mut bench = Bench::on(chipset, SLOW);
        let msix = bench.enable_msix();
        bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
        assert_eq!(bench.messages(msix), [false, false]);

        bench.set(VGPU_REG_COMMAND, 1);
        assert_eq!(bench.messages(msix), [false, false]);
        bench.pass(LATENCY);
        assert_eq!(bench.messages(msix), [true, false]);
        bench.change("vm_id", 1).unwrap();
        assert_eq!(bench.messages(msix), [false, true]);
        // It is active already.
        bench.change("vm_id", 2).unwrap();
        assert_eq!(bench.messages(msix), [false, false]);
        bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_CONFIG_CHANGED);
        bench.change("vm_id", 3).unwrap();
        assert_eq!(bench.messages(msix), [false, true]);
        // Never by the line.
        assert!(!bench.interrupts());
    }
}

#[test]
fn what_happened_while_it_was_disabled_is_sent_when_it_is_enabled() {
    let mut bench = Bench::start("");
    let msix = bench.enable_msix();
    bench.set(VGPU_REG_COMMAND, 1);
    assert_eq!(bench.messages(msix), [false, false]);
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    assert_eq!(bench.messages(msix), [true, false]);
}

#[test]
fn a_vector_that_is_masked_is_sent_when_it_is_unmasked() {
    let mut bench = Bench::start("");
    let msix = bench.enable_msix();
    let done = VGPU_MSIX_COMMAND_DONE;
    msix.mask(&mut bench.machine.cpu, done, true);
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set(VGPU_REG_COMMAND, 1);
    assert_eq!(bench.messages(msix), [false, false]);
    msix.mask(&mut bench.machine.cpu, done, false);
    assert_eq!(bench.messages(msix), [true, false]);
}

#[test]
fn with_msix_turned_off_again_the_line_is_used() {
    let mut bench = Bench::start("");
    let msix = bench.enable_msix();
    bench.set(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set(VGPU_REG_COMMAND, 1);
    assert!(!bench.interrupts());
    msix.turn(&mut bench.machine.cpu, false);
    assert!(bench.interrupts());
    msix.turn(&mut bench.machine.cpu, true);
    assert!(!bench.interrupts());
}
