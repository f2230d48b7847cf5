// SPDX-License-Identifier: GPL-2.0

//! What QEMU logs with `-d guest_errors`.

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Machine, Width};
use vgpu::uapi::*;

fn machine() -> (Machine, Bar0) {
    let mut machine = Machine::start(Chipset::Pc, &["-device", "vgpu-stub,addr=4"]);
    let bar0 = Slot::root(4).enable(&mut machine.cpu);
    (machine, bar0)
}

#[test]
fn nothing_that_a_correct_driver_does_is_an_error() {
    let (mut machine, bar0) = machine();
    for offset in [
        VGPU_REG_COMMAND,
        VGPU_REG_STATUS,
        VGPU_REG_POOL_ID,
        VGPU_REG_PRIORITY,
        VGPU_REG_VM_ID,
        VGPU_REG_RESERVED,
        VGPU_BAR0_SIZE - 4,
    ] {
        bar0.register(&mut machine, offset);
    }
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 1);
    bar0.read(&mut machine.cpu, Width::Byte, 0x008);
    assert_eq!(machine.guest_errors(), [""; 0]);
}

#[test]
fn a_write_to_a_read_only_or_reserved_register_is_an_error() {
    let (mut machine, bar0) = machine();
    bar0.set_register(&mut machine, VGPU_REG_STATUS, 0x1234);
    bar0.set_register(&mut machine, VGPU_REG_VM_ID, 0);
    bar0.set_register(&mut machine, VGPU_REG_RESERVED, 1);
    bar0.set_register(&mut machine, VGPU_BAR0_SIZE - 4, 1);
    assert_eq!(
        machine.guest_errors(),
        [
            "vgpu-stub: write of 0x1234 to read-only offset 0x004 ignored",
            "vgpu-stub: write of 0x0 to read-only offset 0x010 ignored",
            "vgpu-stub: write of 0x1 to read-only offset 0x014 ignored",
            "vgpu-stub: write of 0x1 to read-only offset 0xffc ignored",
        ]
    );
}

#[test]
fn an_unaligned_access_is_an_error() {
    let (mut machine, bar0) = machine();
    bar0.read(&mut machine.cpu, Width::Byte, 0x009);
    bar0.read(&mut machine.cpu, Width::Word, 0x802);
    bar0.write(&mut machine.cpu, Width::Word, 0x002, 0xabcd);
    assert_eq!(
        machine.guest_errors(),
        [
            "vgpu-stub: read of unaligned offset 0x009",
            "vgpu-stub: read of unaligned offset 0x802",
            "vgpu-stub: write of 0xabcd to unaligned offset 0x002 ignored",
        ]
    );
}
