// SPDX-License-Identifier: GPL-2.0

//! What its registers read: what they are set to, all ones, or what a script says.

use device_tests::pci;
use vgpu::uapi::*;

use super::{Bench, SLOT};

#[test]
fn it_looks_like_the_real_device_when_nothing_else_is_asked() {
    let mut bench = Bench::start("");
    let cpu = &mut bench.machine.cpu;
    let real = (VGPU_PCI_DEVICE_ID << 16) | VGPU_PCI_VENDOR_ID;
    assert_eq!(SLOT.read(cpu, pci::VENDOR_ID), real);
    assert_eq!(SLOT.read16(cpu, pci::CLASS), VGPU_PCI_CLASS);
    let registers = [
        (VGPU_REG_COMMAND, 0),
        (VGPU_REG_STATUS, 0),
        (VGPU_REG_POOL_ID, VGPU_POOL_ID_A),
        (VGPU_REG_PRIORITY, VGPU_PRIORITY_MEDIUM),
        (VGPU_REG_VM_ID, 0),
        (VGPU_REG_RESERVED, 0),
    ];
    for (offset, value) in registers {
        assert_eq!(bench.read(offset), value, "{offset:#x}");
    }
}

#[test]
fn every_register_can_be_set_at_start_and_while_it_runs() {
    const REGISTERS: [(&str, u32); 12] = [
        ("command", VGPU_REG_COMMAND),
        ("status", VGPU_REG_STATUS),
        ("pool-id", VGPU_REG_POOL_ID),
        ("priority", VGPU_REG_PRIORITY),
        ("vm-id", VGPU_REG_VM_ID),
        ("features", VGPU_REG_FEATURES),
        ("irq-status", VGPU_REG_IRQ_STATUS),
        ("irq-enable", VGPU_REG_IRQ_ENABLE),
        ("submitted", VGPU_REG_SUBMITTED),
        ("completed", VGPU_REG_COMPLETED),
        ("result", VGPU_REG_RESULT),
        ("config-generation", VGPU_REG_CONFIG_GENERATION),
    ];
    let properties = (10..).zip(REGISTERS);
    let properties: Vec<_> = properties.map(|(n, (p, _))| format!(",{p}={n}")).collect();
    let mut bench = Bench::start(&properties.concat());
    for (value, (property, offset)) in (10..).zip(REGISTERS) {
        assert_eq!(bench.read(offset), value, "{property}");
        bench.set(property, u32::MAX - value);
        assert_eq!(bench.read(offset), u32::MAX - value, "{property}");
    }
}

#[test]
fn it_can_seem_gone_and_come_back() {
    let mut bench = Bench::start("");
    for offset in [VGPU_REG_COMMAND, VGPU_REG_POOL_ID, VGPU_BAR0_SIZE - 4] {
        let before = bench.read(offset);
        bench.set("all-ones", true);
        assert_eq!(bench.read(offset), VGPU_REG_GONE);
        bench.set("all-ones", false);
        assert_eq!(bench.read(offset), before);
    }
}

#[test]
fn a_script_answers_one_read_after_the_other_and_its_last_word_all_that_follow() {
    let mut bench = Bench::start(",pool-id=7");
    bench.set("script", "2*true  0x41 ones 10 2*ones true 3*5");
    let ones = VGPU_REG_GONE;
    for expected in [7, 7, 0x41, ones, 10, ones, ones, 7, 5, 5, 5, 5, 5] {
        assert_eq!(bench.read(VGPU_REG_POOL_ID), expected);
    }
    assert_eq!(bench.get("reads"), 13);

    // From the beginning again, and then no more.
    bench.set("script", "1 2");
    assert_eq!(bench.read(VGPU_REG_POOL_ID), 1);
    assert_eq!(bench.get("reads"), 1);
    bench.set("script", "");
    assert_eq!(bench.read(VGPU_REG_POOL_ID), 7);
}

#[test]
fn random_answers_are_those_of_the_seed() {
    let mut bench = Bench::start("");
    let mut draw = |seed: u32| -> Vec<u32> {
        bench.set("seed", seed);
        bench.set("script", "random");
        (0..100).map(|_| bench.read(VGPU_REG_STATUS)).collect()
    };
    let first = draw(1);
    assert_ne!(draw(2), first);
    assert_eq!(draw(1), first);
    // Among them those that a driver could take for something.
    for value in [0, VGPU_STATUS_DONE, VGPU_REG_GONE] {
        assert!(first.contains(&value), "{value:#x}: {first:x?}");
    }
}

#[test]
fn a_script_that_makes_no_sense_is_refused_and_changes_nothing() {
    let mut bench = Bench::start("");
    bench.set("script", "8");
    for (script, word) in [
        ("true false", "'false'"),
        ("0*ones", "'0*ones'"),
        ("-1*ones", "'-1*ones'"),
        ("x*ones", "'x*ones'"),
        ("3*", "'3*'"),
        ("0x1ffffffff", "'0x1ffffffff'"),
    ] {
        let refusal = bench.machine.qmp.set("gpu", "script", script);
        let error = refusal.expect_err(script);
        assert!(error.description.contains(word), "{}", error.description);
        assert_eq!(bench.read(VGPU_REG_STATUS), 8);
    }
}
