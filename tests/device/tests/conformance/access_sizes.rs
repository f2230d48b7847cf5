// SPDX-License-Identifier: GPL-2.0

//! The conformance vectors: what an access of any width at any offset gives.
//!
//! `Documentation/device.md` has the rule that they follow.

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Identity, Machine, Model, Width};
use vgpu::uapi::*;

use Width::{Byte, Long, Quad, Word};

const IDENTITY: Identity = Identity {
    pool_id: VGPU_POOL_ID_B,
    priority: VGPU_PRIORITY_HIGH,
    vm_id: 0xfedc_ba98,
};

/// The command that was written before the reads.
const COMMAND: u32 = 0x8765_4321;

/// Width, offset, and the value that a read gives.
const READS: &[(Width, u64, u64)] = &[
    // At a register: its low bytes.
    (Byte, 0x000, 0x21),
    (Word, 0x000, 0x4321),
    (Long, 0x000, 0x8765_4321),
    (Byte, 0x004, 0x01),
    (Word, 0x004, 0x0001),
    (Long, 0x004, 0x0000_0001),
    (Byte, 0x008, 0x42),
    (Word, 0x008, 0x0042),
    (Long, 0x008, 0x0000_0042),
    (Byte, 0x00c, 0x02),
    (Word, 0x00c, 0x0002),
    (Long, 0x00c, 0x0000_0002),
    (Byte, 0x010, 0x98),
    (Word, 0x010, 0xba98),
    (Long, 0x010, 0xfedc_ba98),
    // Two registers at once.
    (Quad, 0x000, 0x0000_0001_8765_4321),
    (Quad, 0x004, 0x0000_0042_0000_0001),
    (Quad, 0x008, 0x0000_0002_0000_0042),
    (Quad, 0x00c, 0xfedc_ba98_0000_0002),
    (Quad, 0x010, 0x0000_0000_fedc_ba98),
    // Inside a register: 0, also where the register has other bytes.
    (Byte, 0x001, 0),
    (Byte, 0x002, 0),
    (Byte, 0x003, 0),
    (Word, 0x001, 0),
    (Word, 0x002, 0),
    (Byte, 0x011, 0),
    (Byte, 0x012, 0),
    (Byte, 0x013, 0),
    (Word, 0x012, 0),
    // Across registers: each piece by the rules above. The pieces are those that
    // QEMU makes for qtest and KVM; other ways into the device may cut smaller.
    (Word, 0x003, 0x0100),
    (Long, 0x001, 0x0100_0000),
    (Long, 0x002, 0x0001_0000),
    (Long, 0x003, 0x0000_0100),
    (Word, 0x00f, 0x9800),
    (Long, 0x00e, 0xba98_0000),
    (Quad, 0x00d, 0x00fe_dcba_9800_0000),
    (Quad, 0x002, 0x0042_0000_0001_0000),
    (Long, 0x012, 0),
    // Reserved, up to the last byte.
    (Byte, 0x014, 0),
    (Word, 0x014, 0),
    (Long, 0x014, 0),
    (Quad, 0x014, 0),
    (Quad, 0x018, 0),
    (Long, 0x800, 0),
    (Quad, 0xff8, 0),
    (Long, 0xffc, 0),
    (Word, 0xffe, 0),
    (Byte, 0xfff, 0),
];

/// Width and offset of a write of [`WRITTEN`] to a device after reset, and the
/// command it leaves, if it is one.
const WRITES: &[(Width, u64, Option<u32>)] = &[
    // At COMMAND: the bytes given, the others 0.
    (Byte, 0x000, Some(0x88)),
    (Word, 0x000, Some(0x7788)),
    (Long, 0x000, Some(0x5566_7788)),
    (Quad, 0x000, Some(0x5566_7788)),
    // Inside COMMAND, or from there on: no command.
    (Byte, 0x001, None),
    (Byte, 0x002, None),
    (Byte, 0x003, None),
    (Word, 0x001, None),
    (Word, 0x002, None),
    (Word, 0x003, None),
    (Long, 0x001, None),
    (Long, 0x002, None),
    (Long, 0x003, None),
    (Quad, 0x001, None),
    (Quad, 0x002, None),
    (Quad, 0x003, None),
    // Read-only and reserved.
    (Byte, 0x004, None),
    (Word, 0x004, None),
    (Long, 0x004, None),
    (Quad, 0x004, None),
    (Long, 0x008, None),
    (Quad, 0x008, None),
    (Long, 0x00c, None),
    (Quad, 0x00c, None),
    (Long, 0x010, None),
    (Quad, 0x010, None),
    (Byte, 0x013, None),
    (Long, 0x014, None),
    (Quad, 0xff8, None),
    (Byte, 0xfff, None),
];

const WRITTEN: u64 = 0x1122_3344_5566_7788;

fn machine() -> (Machine, Bar0) {
    let mut machine = Machine::start(
        Chipset::Pc,
        &[
            "-device",
            "vgpu-stub,addr=4,pool_id=B,priority=high,vm_id=0xfedcba98",
        ],
    );
    let bar0 = Slot::root(4).enable(&mut machine.cpu);
    (machine, bar0)
}

#[test]
fn reads_of_any_width_and_alignment_give_what_the_vectors_say() {
    let (mut machine, bar0) = machine();
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, COMMAND);
    for &(width, offset, expected) in READS {
        let value = bar0.read(&mut machine.cpu, width, offset);
        assert_eq!(value, expected, "{width:?} at {offset:#05x}: {value:#x}");
    }
}

#[test]
fn writes_of_any_width_and_alignment_do_what_the_vectors_say() {
    let (mut machine, _) = machine();
    for &(width, offset, command) in WRITES {
        machine.reset();
        let bar0 = Slot::root(4).enable(&mut machine.cpu);
        bar0.write(&mut machine.cpu, width, offset, WRITTEN);
        let registers = [
            (VGPU_REG_COMMAND, command.unwrap_or(0)),
            (VGPU_REG_STATUS, u32::from(command.is_some())),
            (VGPU_REG_POOL_ID, IDENTITY.pool_id),
            (VGPU_REG_PRIORITY, IDENTITY.priority),
            (VGPU_REG_VM_ID, IDENTITY.vm_id),
        ];
        for (register, expected) in registers {
            let value = bar0.register(&mut machine, register);
            assert_eq!(
                value, expected,
                "{width:?} at {offset:#05x}, then {register:#05x}: {value:#x}"
            );
        }
    }
}

#[test]
fn the_reference_model_gives_what_the_vectors_say() {
    let mut model = Model::new(IDENTITY);
    model.write(Long, 0, COMMAND.into());
    for &(width, offset, expected) in READS {
        assert_eq!(
            model.read(width, offset),
            expected,
            "{width:?} at {offset:#05x}"
        );
    }
    for &(width, offset, command) in WRITES {
        model.reset();
        model.write(width, offset, WRITTEN);
        assert_eq!(
            (model.command, model.status),
            (command.unwrap_or(0), u32::from(command.is_some())),
            "{width:?} at {offset:#05x}"
        );
    }
}
