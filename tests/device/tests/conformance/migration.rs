// SPDX-License-Identifier: GPL-2.0

//! Saving a machine and loading it into another QEMU.

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Machine};
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

fn source(device: &str) -> (Machine, Bar0) {
    let mut machine = Machine::start(Chipset::Pc, &["-device", device]);
    let bar0 = SLOT.enable(&mut machine.cpu);
    (machine, bar0)
}

/// COMMAND, STATUS, POOL_ID, PRIORITY and VM_ID.
fn registers(machine: &mut Machine, bar0: Bar0) -> [u32; 5] {
    [
        VGPU_REG_COMMAND,
        VGPU_REG_STATUS,
        VGPU_REG_POOL_ID,
        VGPU_REG_PRIORITY,
        VGPU_REG_VM_ID,
    ]
    .map(|offset| bar0.register(machine, offset))
}

#[test]
fn command_status_and_the_place_of_bar0_are_kept() {
    let device = "vgpu-stub,addr=4,pool_id=B,priority=high,vm_id=200";
    let (mut source, bar0) = source(device);
    bar0.set_register(&mut source, VGPU_REG_COMMAND, 0xdead_beef);
    let before = registers(&mut source, bar0);
    assert_eq!(before[..2], [0xdead_beef, VGPU_STATUS_DONE]);
    let mut target = source.migrate(&["-device", device]);
    assert_eq!(registers(&mut target, bar0), before);
    target.finish();
}

#[test]
fn a_device_that_got_no_command_still_has_none() {
    let (mut source, bar0) = source("vgpu-stub,addr=4");
    let mut target = source.migrate(&["-device", "vgpu-stub,addr=4"]);
    let expected = [0, 0, VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, 0];
    assert_eq!(registers(&mut target, bar0), expected);
}

#[test]
fn the_identity_is_that_of_the_target() {
    let (mut source, bar0) = source("vgpu-stub,addr=4,pool_id=A,priority=low,vm_id=1");
    bar0.set_register(&mut source, VGPU_REG_COMMAND, 6);
    let mut target = source.migrate(&[
        "-device",
        "vgpu-stub,addr=4,pool_id=B,priority=high,vm_id=2",
    ]);
    let expected = [6, VGPU_STATUS_DONE, VGPU_POOL_ID_B, VGPU_PRIORITY_HIGH, 2];
    assert_eq!(registers(&mut target, bar0), expected);
}

#[test]
fn a_snapshot_brings_back_what_it_was_taken_of() {
    let (mut machine, bar0) = source("vgpu-stub,addr=4,pool_id=B,priority=high,vm_id=3");
    machine.save();
    let new = registers(&mut machine, bar0);
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 7);
    machine.load();
    assert_eq!(registers(&mut machine, bar0), new);

    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 8);
    machine.save();
    machine.reset();
    machine.load();
    let expected = [8, VGPU_STATUS_DONE, VGPU_POOL_ID_B, VGPU_PRIORITY_HIGH, 3];
    assert_eq!(registers(&mut machine, bar0), expected);
    machine.finish();
}
