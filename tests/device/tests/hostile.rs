// SPDX-License-Identifier: GPL-2.0

//! That the device model made to lie to drivers tells the lies it is asked for.
//!
//! It exists only in the QEMU built for tests.

use device_tests::pci::{self, Slot};
use device_tests::{Chipset, Machine, Width, refuse};
use serde_json::Value;
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

fn machine(properties: &str) -> Machine {
    let device = format!("vgpu-stub-hostile,id=gpu,addr=4{properties}");
    Machine::start(Chipset::Pc, &["-device", &device])
}

fn set(machine: &mut Machine, property: &str, value: impl Into<Value>) {
    let answer = machine.qmp.set("gpu", property, value);
    answer.unwrap_or_else(|refusal| panic!("{property}: {refusal:?}"));
}

#[test]
fn it_looks_like_the_real_device_when_nothing_else_is_asked() {
    let mut machine = machine("");
    let bar0 = SLOT.enable(&mut machine.cpu);
    let cpu = &mut machine.cpu;
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
        assert_eq!(bar0.register(&mut machine, offset), value, "{offset:#x}");
    }
}

#[test]
fn every_register_can_be_set_at_start_and_while_it_runs() {
    let mut machine = machine(",command=10,status=11,pool-id=12,priority=13,vm-id=14");
    let bar0 = SLOT.enable(&mut machine.cpu);
    let registers = [
        ("command", VGPU_REG_COMMAND, 10),
        ("status", VGPU_REG_STATUS, 11),
        ("pool-id", VGPU_REG_POOL_ID, 12),
        ("priority", VGPU_REG_PRIORITY, 13),
        ("vm-id", VGPU_REG_VM_ID, 14),
    ];
    for (property, offset, value) in registers {
        assert_eq!(bar0.register(&mut machine, offset), value, "{property}");
        set(&mut machine, property, u32::MAX - value);
        assert_eq!(
            bar0.register(&mut machine, offset),
            u32::MAX - value,
            "{property}"
        );
    }
}

#[test]
fn a_command_is_kept_and_never_completes() {
    let mut machine = machine("");
    let bar0 = SLOT.enable(&mut machine.cpu);
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 5);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 5);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 0);
}

#[test]
fn it_can_seem_gone_and_come_back() {
    let mut machine = machine("");
    let bar0 = SLOT.enable(&mut machine.cpu);
    for offset in [VGPU_REG_COMMAND, VGPU_REG_POOL_ID, VGPU_BAR0_SIZE - 4] {
        let before = bar0.register(&mut machine, offset);
        set(&mut machine, "all-ones", true);
        assert_eq!(bar0.register(&mut machine, offset), VGPU_REG_GONE);
        set(&mut machine, "all-ones", false);
        assert_eq!(bar0.register(&mut machine, offset), before);
    }
}

fn get(machine: &mut Machine, property: &str) -> Value {
    machine.qmp.get("gpu", property)
}

#[test]
fn a_script_answers_one_read_after_the_other_and_its_last_word_all_that_follow() {
    let mut machine = machine(",pool-id=7");
    let bar0 = SLOT.enable(&mut machine.cpu);
    set(
        &mut machine,
        "script",
        "2*true  0x41 ones 10 2*ones true 3*5",
    );
    let ones = VGPU_REG_GONE;
    for expected in [7, 7, 0x41, ones, 10, ones, ones, 7, 5, 5, 5, 5, 5] {
        assert_eq!(bar0.register(&mut machine, VGPU_REG_POOL_ID), expected);
    }
    assert_eq!(get(&mut machine, "reads"), 13);

    // From the beginning again, and then no more.
    set(&mut machine, "script", "1 2");
    assert_eq!(bar0.register(&mut machine, VGPU_REG_POOL_ID), 1);
    assert_eq!(get(&mut machine, "reads"), 1);
    set(&mut machine, "script", "");
    assert_eq!(bar0.register(&mut machine, VGPU_REG_POOL_ID), 7);
}

#[test]
fn random_answers_are_those_of_the_seed() {
    let mut machine = machine("");
    let bar0 = SLOT.enable(&mut machine.cpu);
    let mut draw = |seed: u32| -> Vec<u32> {
        set(&mut machine, "seed", seed);
        set(&mut machine, "script", "random");
        (0..100)
            .map(|_| bar0.register(&mut machine, VGPU_REG_STATUS))
            .collect()
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
    let mut machine = machine("");
    let bar0 = SLOT.enable(&mut machine.cpu);
    set(&mut machine, "script", "8");
    for (script, word) in [
        ("true false", "'false'"),
        ("0*ones", "'0*ones'"),
        ("-1*ones", "'-1*ones'"),
        ("x*ones", "'x*ones'"),
        ("3*", "'3*'"),
        ("0x1ffffffff", "'0x1ffffffff'"),
    ] {
        let refusal = machine.qmp.set("gpu", "script", script);
        let error = refusal.expect_err(script);
        assert!(error.description.contains(word), "{}", error.description);
        assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 8);
    }
}

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
