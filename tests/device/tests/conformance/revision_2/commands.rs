// SPDX-License-Identifier: GPL-2.0

//! Commands that take their time, and what is counted.

use device_tests::Width;
use vgpu::uapi::*;

use super::{Bench, COMMANDS, FEATURES, LATENCY, MOMENT, SLOW};

#[test]
fn a_new_device_has_its_features_and_nothing_else() {
    let mut bench = Bench::start("");
    assert_eq!(bench.get(VGPU_REG_FEATURES), FEATURES);
    assert_eq!(bench.all(COMMANDS), [0; 5]);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
    assert_eq!(bench.get(VGPU_REG_IRQ_ENABLE), 0);
    assert_eq!(bench.get(VGPU_REG_CONFIG_GENERATION), 0);
    for offset in (VGPU_REG_RESERVED_2..VGPU_BAR0_SIZE).step_by(4) {
        assert_eq!(bench.get(offset), 0, "{offset:#x}");
    }
}

#[test]
fn what_can_only_be_read_ignores_writes_and_logs_them() {
    let mut bench = Bench::start("");
    let registers = [
        VGPU_REG_STATUS,
        VGPU_REG_POOL_ID,
        VGPU_REG_PRIORITY,
        VGPU_REG_VM_ID,
        VGPU_REG_FEATURES,
        VGPU_REG_SUBMITTED,
        VGPU_REG_COMPLETED,
        VGPU_REG_RESULT,
        VGPU_REG_CONFIG_GENERATION,
        VGPU_REG_RESERVED_2,
    ];
    let before = bench.all(registers);
    for register in registers {
        bench.set(register, u32::MAX);
    }
    assert_eq!(bench.all(registers), before);
    assert_eq!(bench.machine.guest_errors().len(), registers.len());
}

#[test]
fn narrow_reads_give_the_low_bytes_of_the_new_registers() {
    let mut bench = Bench::start("");
    for (width, offset, value) in [
        (Width::Byte, VGPU_REG_FEATURES, 7),
        (Width::Word, VGPU_REG_FEATURES, 7),
        (Width::Byte, VGPU_REG_FEATURES + 1, 0),
        (Width::Quad, VGPU_REG_FEATURES, 7),
        (Width::Quad, VGPU_REG_VM_ID, 7 << 32),
    ] {
        let cpu = &mut bench.machine.cpu;
        assert_eq!(
            bench.bar0.read(cpu, width, offset.into()),
            value,
            "{width:?} {offset:#x}"
        );
    }
}

#[test]
fn without_a_latency_a_command_is_done_at_once() {
    let mut bench = Bench::start("");
    for round in 1..=3 {
        bench.set(VGPU_REG_COMMAND, round * 16);
        assert_eq!(
            bench.all(COMMANDS),
            [round * 16, VGPU_STATUS_DONE, round, round, 0]
        );
    }
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), VGPU_IRQ_COMMAND_DONE);
}

#[test]
fn a_command_is_busy_for_its_latency_and_then_done() {
    let mut bench = Bench::start(SLOW);
    bench.set(VGPU_REG_COMMAND, 5);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_BUSY, 1, 0, 0]);
    bench.pass(LATENCY - MOMENT);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_BUSY, 1, 0, 0]);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
    bench.pass(MOMENT);
    assert_eq!(bench.all(COMMANDS), [5, VGPU_STATUS_DONE, 1, 1, 0]);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), VGPU_IRQ_COMMAND_DONE);

    // The next one is not done because the one before was.
    bench.set(VGPU_REG_COMMAND, 6);
    assert_eq!(bench.all(COMMANDS), [6, VGPU_STATUS_BUSY, 2, 1, 0]);
}

#[test]
fn a_command_that_comes_while_the_device_is_busy_is_dropped() {
    let mut bench = Bench::start(SLOW);
    bench.set(VGPU_REG_COMMAND, 5);
    bench.set(VGPU_REG_COMMAND, 6);
    let dropped = VGPU_STATUS_BUSY | VGPU_STATUS_DROPPED;
    assert_eq!(bench.all(COMMANDS), [5, dropped, 1, 0, 0]);
    bench.pass(LATENCY);
    let dropped = VGPU_STATUS_DONE | VGPU_STATUS_DROPPED;
    assert_eq!(bench.all(COMMANDS), [5, dropped, 1, 1, 0]);
    // Nothing of it comes later.
    bench.pass(LATENCY * 2);
    assert_eq!(bench.all(COMMANDS), [5, dropped, 1, 1, 0]);
    bench.set(VGPU_REG_COMMAND, 7);
    assert_eq!(bench.all(COMMANDS), [7, VGPU_STATUS_BUSY, 2, 1, 0]);
}

#[test]
fn a_reset_cancels_what_is_pending_and_clears_all_but_the_generation() {
    let mut bench = Bench::start(SLOW);
    bench.change("vm_id", 9).unwrap();
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_CONFIG_CHANGED);
    assert!(bench.interrupts());
    bench.set(VGPU_REG_COMMAND, 5);
    bench.machine.reset();
    assert!(!bench.interrupts());
    bench.bar0 = super::SLOT.enable(&mut bench.machine.cpu);
    bench.pass(LATENCY * 2);
    assert_eq!(bench.all(COMMANDS), [0; 5]);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
    assert_eq!(bench.get(VGPU_REG_IRQ_ENABLE), 0);
    assert_eq!(bench.get(VGPU_REG_VM_ID), 9);
    assert_eq!(bench.get(VGPU_REG_CONFIG_GENERATION), 1);
    bench.set(VGPU_REG_COMMAND, 6);
    bench.pass(LATENCY);
    assert_eq!(bench.all(COMMANDS), [6, VGPU_STATUS_DONE, 1, 1, 0]);
}
