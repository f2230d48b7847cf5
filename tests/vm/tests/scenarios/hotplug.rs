// SPDX-License-Identifier: GPL-2.0

//! Devices that come and go while a guest runs.

use anyhow::{Result, ensure};
use harness::{Guest, Machine};
use vm_tests::{
    UNPLUG, guest_with_driver, on_each_machine, quietly, selftest, unplug_under_load, wait_for,
    wait_for_releases,
};

const ROUNDS: u32 = 100;

on_each_machine!(
    a_device_can_be_unplugged_under_load_a_hundred_times,
    several_devices_come_and_go_on_their_own,
    a_device_that_was_unplugged_with_an_open_file_keeps_its_number,
);

fn a_device_can_be_unplugged_under_load_a_hundred_times(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("unplug", machine, &[])?;
    quietly(&guest, || unplug_under_load(&guest, ROUNDS))?;
    selftest(&guest, "sysfs.sh")?;
    guest.finish()
}

/// The values of all devices, in order of their PCI addresses.
fn identities(guest: &Guest) -> Result<Vec<String>> {
    let text = guest.check(
        "for dir in /sys/bus/pci/drivers/vgpu_stub/*:*/vgpu/*; do
             [ -d $dir ] || continue
             echo $(cat $dir/pool_id $dir/priority $dir/vm_id)
         done",
    )?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn several_devices_come_and_go_on_their_own(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("several", machine, &["pool_id=A", "pool_id=B,vm_id=1"])?;
    ensure!(identities(&guest)? == ["A medium 0", "B medium 1"]);

    guest.plug("pool_id=A,priority=low,vm_id=42,id=third")?;
    guest.plug("pool_id=B,priority=high,vm_id=4294967295,id=fourth")?;
    wait_for(&guest, "[ $(ls /sys/class/vgpu | wc -l) = 4 ]")?;
    let mut all = identities(&guest)?;
    all.sort();
    ensure!(
        all == ["A low 42", "A medium 0", "B high 4294967295", "B medium 1"],
        "{all:?}"
    );

    // A command to one of them is none to the others.
    guest.check("echo 7 >/sys/class/vgpu/vgpu1/command")?;
    let statuses = guest.check("cat /sys/class/vgpu/vgpu?/status")?;
    ensure!(statuses.matches("0x00000001").count() == 1, "{statuses}");

    guest.unplug("third", UNPLUG)?;
    wait_for(&guest, "[ $(ls /sys/class/vgpu | wc -l) = 3 ]")?;
    let mut rest = identities(&guest)?;
    rest.sort();
    ensure!(
        rest == ["A medium 0", "B high 4294967295", "B medium 1"],
        "{rest:?}"
    );
    guest.finish()
}

fn a_device_that_was_unplugged_with_an_open_file_keeps_its_number(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("number", machine, &[])?;
    guest.plug("pool_id=A,id=first")?;
    wait_for(&guest, "[ -c /dev/vgpu0 ]")?;
    let holder = guest.spawn("exec 3</dev/vgpu0; touch /tmp/held; sleep 1000")?;
    wait_for(&guest, "[ -e /tmp/held ]")?;

    guest.unplug("first", UNPLUG)?;
    guest.plug("pool_id=B,id=second")?;
    wait_for(&guest, "[ -c /dev/vgpu1 ]")?;
    ensure!(guest.check("cat /sys/class/vgpu/vgpu1/pool_id")? == "B");
    ensure!(guest.check("ls /sys/class/vgpu")? == "vgpu1");

    holder.kill()?;
    holder.wait()?;
    guest.unplug("second", UNPLUG)?;
    wait_for_releases(&guest)?;
    guest.plug("pool_id=A,id=third")?;
    wait_for(&guest, "[ -c /dev/vgpu0 ]")?;
    guest.finish()
}
