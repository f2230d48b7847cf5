// SPDX-License-Identifier: GPL-2.0

//! When it interrupts, and how.

use std::time::Duration;

use device_tests::Msix;
use vgpu::uapi::*;

use super::{Bench, SLOT};

const BOTH: u32 = VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED;
const WITHOUT_END: u32 = u32::MAX;

impl Bench {
    /// Whether the device pulls its interrupt line.
    fn line(&mut self) -> bool {
        SLOT.interrupts(&mut self.machine.cpu)
    }

    /// Clears all of IRQ_STATUS, and tells what there was.
    fn acknowledge(&mut self) -> u32 {
        let bits = self.read(VGPU_REG_IRQ_STATUS);
        self.write(VGPU_REG_IRQ_STATUS, bits);
        bits
    }

    fn pass(&mut self, time: Duration) {
        self.machine.cpu.pass(time);
    }
}

#[test]
fn by_itself_it_interrupts_for_completed_commands_only() {
    let mut bench = Bench::start(",completes=on");
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    for register in (0..VGPU_REG_RESERVED_2).step_by(4) {
        bench.read(register);
    }
    bench.set("vm-id", 7);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), 0);
    assert_eq!(bench.get("irq-raised"), 0);
    bench.write(VGPU_REG_COMMAND, 5);
    assert!(bench.line());
    assert_eq!(bench.acknowledge(), VGPU_IRQ_COMMAND_DONE);
    assert!(!bench.line());
    assert_eq!(bench.get("irq-raised"), 1);
}

#[test]
fn it_can_interrupt_at_each_read_or_at_those_of_one_register() {
    let mut bench = Bench::start("");
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set("irq-at-reads", "0x004");
    assert_eq!(bench.get("irq-at-reads"), "0x004");
    bench.read(VGPU_REG_COMMAND);
    assert!(!bench.line());
    for _ in 0..3 {
        bench.read(VGPU_REG_STATUS);
        assert!(bench.line());
        assert_eq!(bench.acknowledge(), VGPU_IRQ_COMMAND_DONE);
        assert!(!bench.line());
    }

    bench.set("irq-at-reads", "any");
    bench.set("irq-bits", BOTH);
    bench.read(VGPU_REG_RESERVED_2);
    assert!(bench.line());
    assert_eq!(bench.acknowledge(), BOTH);
    assert_eq!(bench.get("irq-raised"), 5);

    bench.set("irq-at-reads", "never");
    bench.acknowledge();
    bench.read(VGPU_REG_STATUS);
    assert!(!bench.line());
    for refused in ["", "4 8", "often"] {
        let refusal = bench.machine.qmp.set("gpu", "irq-at-reads", refused);
        let error = refusal.expect_err(refused);
        assert!(
            error.description.contains("never, any"),
            "{}",
            error.description
        );
    }
}

#[test]
fn it_can_interrupt_at_any_time_a_number_of_times_or_without_end() {
    let period = Duration::from_micros(100);
    let mut bench = Bench::start(",irq-period-us=100");
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    // The first one comes now.
    bench.set("irq-times", 3);
    for left in [2, 1, 0] {
        assert_eq!(bench.get("irq-times"), left);
        assert!(bench.line());
        bench.acknowledge();
        bench.pass(period - Duration::from_nanos(1));
        assert!(!bench.line());
        bench.pass(Duration::from_nanos(1));
    }
    assert!(!bench.line());
    assert_eq!(bench.get("irq-raised"), 3);

    bench.set("irq-times", WITHOUT_END);
    bench.pass(99 * period);
    assert_eq!(bench.get("irq-raised"), 103);
    assert_eq!(bench.get("irq-times"), WITHOUT_END);
    bench.set("irq-times", 0);
    bench.pass(period);
    assert_eq!(bench.get("irq-raised"), 103);
}

#[test]
fn it_can_interrupt_from_the_moment_it_is_made() {
    let mut bench = Bench::start(",irq-times=2,irq-period-us=10,irq-obeys-enable=off");
    bench.pass(Duration::from_micros(10));
    assert!(bench.line());
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.get("irq-raised"), 2);
}

#[test]
fn it_obeys_irq_enable_unless_it_is_told_not_to() {
    let mut bench = Bench::start("");
    bench.set("irq-times", 1);
    assert!(!bench.line());
    bench.write(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE);
    assert!(bench.line());
    bench.acknowledge();
    bench.write(VGPU_REG_IRQ_ENABLE, 0);
    bench.set("irq-obeys-enable", false);
    bench.set("irq-times", 1);
    assert!(bench.line());
}

#[test]
fn an_interrupt_can_be_lost() {
    let mut bench = Bench::start(",msix=on,irq-mute=on");
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set("irq-times", 1);
    assert!(!bench.line());
    let msix = Msix::enable(SLOT, &mut bench.machine.cpu, VGPU_MSIX_VECTORS);
    bench.set("irq-times", 1);
    assert_eq!(msix.messages(&mut bench.machine.cpu), [false, false]);
    assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), VGPU_IRQ_COMMAND_DONE);
    bench.set("irq-mute", false);
    assert_eq!(msix.messages(&mut bench.machine.cpu), [false, false]);
    bench.set("irq-times", 1);
    assert_eq!(msix.messages(&mut bench.machine.cpu), [true, false]);
}

#[test]
fn either_vector_is_signalled_each_time_whether_its_bit_was_cleared_or_not() {
    let mut bench = Bench::start(",msix=on");
    let msix = Msix::enable(SLOT, &mut bench.machine.cpu, VGPU_MSIX_VECTORS);
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    for (bits, messages) in [
        (VGPU_IRQ_COMMAND_DONE, [true, false]),
        (VGPU_IRQ_COMMAND_DONE, [true, false]),
        (VGPU_IRQ_CONFIG_CHANGED, [false, true]),
        (BOTH, [true, true]),
    ] {
        bench.set("irq-bits", bits);
        bench.set("irq-times", 1);
        assert_eq!(msix.messages(&mut bench.machine.cpu), messages);
        assert!(!bench.line());
    }

    // Those that came while they were disabled, when they are enabled.
    bench.write(VGPU_REG_IRQ_ENABLE, 0);
    bench.set("irq-times", 1);
    assert_eq!(msix.messages(&mut bench.machine.cpu), [false, false]);
    bench.write(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_CONFIG_CHANGED);
    assert_eq!(msix.messages(&mut bench.machine.cpu), [false, true]);
}

#[test]
fn irq_status_can_lie() {
    let mut bench = Bench::start(",irq-script=0 3 true,seed=5");
    bench.write(VGPU_REG_IRQ_ENABLE, BOTH);
    bench.set("irq-times", 1);
    // Reads of other registers take no word.
    assert_eq!(bench.read(VGPU_REG_POOL_ID), VGPU_POOL_ID_A);
    for answer in [0, 3, VGPU_IRQ_COMMAND_DONE] {
        assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), answer);
        assert!(bench.line());
    }
    // What is for all registers comes first.
    bench.set("irq-script", "4");
    bench.set("script", "ones true");
    assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), VGPU_REG_GONE);
    assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), 4);
}

#[test]
fn a_change_that_is_raised_is_one_if_it_is_to_be() {
    let mut bench = Bench::start(",irq-bits=2,vm-id=100,config-generation=4294967295");
    bench.set("irq-times", 1);
    assert_eq!(bench.read(VGPU_REG_CONFIG_GENERATION), 0);
    assert_eq!(bench.read(VGPU_REG_VM_ID), 101);
    bench.set("config-step", 0);
    bench.set("irq-times", 1);
    assert_eq!(bench.read(VGPU_REG_CONFIG_GENERATION), 0);
    bench.set("config-step", u32::MAX);
    bench.set("irq-times", 1);
    assert_eq!(bench.read(VGPU_REG_CONFIG_GENERATION), u32::MAX);
    assert_eq!(bench.read(VGPU_REG_VM_ID), 100);
}

#[test]
fn without_a_pin_and_without_vectors_nothing_is_signalled() {
    let mut bench = Bench::start(",intx=off,irq-obeys-enable=off");
    bench.set("irq-times", 1);
    assert_eq!(bench.read(VGPU_REG_IRQ_STATUS), VGPU_IRQ_COMMAND_DONE);
    assert!(!bench.line());
}
