// SPDX-License-Identifier: GPL-2.0

//! State that goes to another QEMU, or back to what it was.

use vgpu::uapi::*;

use super::{Bench, COMMANDS, LATENCY, MOMENT, SLOT, SLOW, device};

const HALF: std::time::Duration = std::time::Duration::from_micros(500);

impl Bench {
    fn migrate(mut self, properties: &str) -> Self {
        let machine = self.machine.migrate(&["-device", &device(properties)]);
        Bench {
            machine,
            bar0: self.bar0,
        }
    }
}

#[test]
fn a_pending_command_is_completed_once_after_the_time_that_was_left() {
    let mut bench = Bench::start(SLOW);
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE);
    bench.set(VGPU_REG_COMMAND, 5);
    bench.pass(HALF);
    let mut bench = bench.migrate(SLOW);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_BUSY, 1, 0, 0]);
    bench.pass(HALF - MOMENT);
    assert_eq!(bench.get(VGPU_REG_COMPLETED), 0);
    bench.pass(MOMENT);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_DONE, 1, 1, 0]);
    assert!(bench.interrupts());
    bench.pass(LATENCY * 2);
    assert_eq!(bench.get(VGPU_REG_COMPLETED), 1);
    bench.machine.finish();
}

#[test]
fn an_active_interrupt_stays_active() {
    let mut bench = Bench::start("msix=off");
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_CONFIG_CHANGED);
    bench.change("vm_id", 1).unwrap();
    let mut bench = bench.migrate("msix=off");
    assert!(bench.interrupts());
    bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_CONFIG_CHANGED);
    assert!(!bench.interrupts());
}

#[test]
fn vectors_keep_their_messages() {
    let mut bench = Bench::start("");
    let msix = bench.enable_msix();
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE);
    bench.set(VGPU_REG_COMMAND, 1);
    assert_eq!(bench.messages(msix), [true, false]);
    let mut bench = bench.migrate("");
    assert_eq!(bench.messages(msix), [false, false]);
    bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_COMMAND_DONE);
    bench.set(VGPU_REG_COMMAND, 2);
    assert_eq!(bench.messages(msix), [true, false]);
}

#[test]
fn the_guest_sees_no_change_by_migration() {
    let mut bench = Bench::start("pool_id=A,priority=low,vm_id=1");
    bench.change("pool_id", "B").unwrap();
    bench.set(VGPU_REG_IRQ_STATUS, u32::MAX);
    // The target's own command line may be older, or newer.
    let mut bench = bench.migrate("pool_id=A,priority=high,vm_id=2");
    assert_eq!(bench.get(VGPU_REG_POOL_ID), VGPU_POOL_ID_B);
    assert_eq!(bench.get(VGPU_REG_PRIORITY), VGPU_PRIORITY_LOW);
    assert_eq!(bench.get(VGPU_REG_VM_ID), 1);
    assert_eq!(bench.get(VGPU_REG_CONFIG_GENERATION), 1);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
    assert_eq!(bench.property("pool_id"), "B");
    bench.change("priority", "medium").unwrap();
    assert_eq!(bench.get(VGPU_REG_CONFIG_GENERATION), 2);
}

#[test]
fn a_snapshot_in_the_middle_of_a_command_can_be_gone_back_to() {
    let mut bench = Bench::start(SLOW);
    bench.set(VGPU_REG_COMMAND, 5);
    bench.pass(HALF);
    bench.machine.save();
    bench.pass(HALF);
    assert_eq!(bench.get(VGPU_REG_COMPLETED), 1);
    bench.set(VGPU_REG_COMMAND, 6);
    bench.machine.load();
    bench.bar0 = SLOT.enable(&mut bench.machine.cpu);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_BUSY, 1, 0, 0]);
    bench.pass(HALF);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_DONE, 1, 1, 0]);
    bench.pass(LATENCY * 2);
    assert_eq!(bench.get(VGPU_REG_COMPLETED), 1);
    bench.machine.finish();
}
