// SPDX-License-Identifier: GPL-2.0

//! The register map, by whole registers.

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Machine, Request, Width};
use vgpu::uapi::*;

fn machine(chipset: Chipset) -> (Machine, Bar0) {
    let mut machine = Machine::start(
        chipset,
        &[
            "-device",
            "vgpu-stub,addr=4,pool_id=B,priority=high,vm_id=200",
        ],
    );
    let bar0 = Slot::root(4).enable(&mut machine.cpu);
    (machine, bar0)
}

#[test]
fn command_and_status_are_0_at_first() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let (mut machine, bar0) = machine(chipset);
        assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 0);
        assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 0);
    }
}

#[test]
fn command_reads_back_the_last_value_written() {
    let (mut machine, bar0) = machine(Chipset::Pc);
    for value in [1, 0, u32::MAX, 0x8000_0000, 0x1234_5678, 0] {
        bar0.set_register(&mut machine, VGPU_REG_COMMAND, value);
        assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), value);
    }
}

#[test]
fn status_becomes_1_with_the_first_command_and_stays_so() {
    // A command of 0 is a command too.
    for first in [0, 1, u32::MAX] {
        let (mut machine, bar0) = machine(Chipset::Pc);
        for value in [first, 0, 5] {
            bar0.set_register(&mut machine, VGPU_REG_COMMAND, value);
            assert_eq!(
                bar0.register(&mut machine, VGPU_REG_STATUS),
                VGPU_STATUS_DONE
            );
        }
    }
}

#[test]
fn reading_changes_nothing() {
    let (mut machine, bar0) = machine(Chipset::Pc);
    for offset in [VGPU_REG_COMMAND, VGPU_REG_STATUS, VGPU_REG_VM_ID] {
        let first = bar0.register(&mut machine, offset);
        assert_eq!(bar0.register(&mut machine, offset), first);
    }
    assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 0);
}

#[test]
fn writes_to_read_only_registers_are_ignored() {
    let (mut machine, bar0) = machine(Chipset::Pc);
    let registers = [
        (VGPU_REG_STATUS, 0),
        (VGPU_REG_POOL_ID, VGPU_POOL_ID_B),
        (VGPU_REG_PRIORITY, VGPU_PRIORITY_HIGH),
        (VGPU_REG_VM_ID, 200),
    ];
    for value in [0, 1, VGPU_POOL_ID_A, u32::MAX] {
        for (offset, kept) in registers {
            bar0.set_register(&mut machine, offset, value);
            assert_eq!(bar0.register(&mut machine, offset), kept, "{offset:#x}");
        }
    }
    assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 0);
}

#[test]
fn every_reserved_register_reads_0_and_ignores_writes() {
    let (mut machine, bar0) = machine(Chipset::Pc);
    let offsets = || (VGPU_REG_RESERVED..VGPU_BAR0_SIZE).step_by(4);
    let read = |offset: u32| Request::Read(Width::Long, bar0.address(offset.into()));
    let fill = |offset: u32| Request::Write(Width::Long, bar0.address(offset.into()), !0);
    let reads: Vec<_> = offsets().map(read).collect();
    let writes: Vec<_> = offsets().map(fill).collect();
    assert_eq!(reads.len(), 1019);

    assert!(
        machine
            .cpu
            .access_all(&reads)
            .iter()
            .all(|&value| value == 0)
    );
    machine.cpu.access_all(&writes);
    assert!(
        machine
            .cpu
            .access_all(&reads)
            .iter()
            .all(|&value| value == 0)
    );
    assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 0);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 0);
}

#[test]
fn devices_of_one_machine_are_independent() {
    let mut machine = Machine::start(
        Chipset::Pc,
        &[
            "-device",
            "vgpu-stub,addr=4,vm_id=1",
            "-device",
            "vgpu-stub,addr=5,vm_id=2",
            "-device",
            "vgpu-stub,addr=6,vm_id=3",
        ],
    );
    let bars = [4, 5, 6].map(|device| Slot::root(device).enable(&mut machine.cpu));
    bars[1].set_register(&mut machine, VGPU_REG_COMMAND, 77);
    let state = bars.map(|bar0| {
        [VGPU_REG_VM_ID, VGPU_REG_COMMAND, VGPU_REG_STATUS]
            .map(|offset| bar0.register(&mut machine, offset))
    });
    assert_eq!(state, [[1, 0, 0], [2, 77, 1], [3, 0, 0]]);
}
