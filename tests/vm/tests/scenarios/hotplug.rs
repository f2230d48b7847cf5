// SPDX-License-Identifier: GPL-2.0

//! Devices that come and go while a guest runs.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Machine, ktap};
use vm_tests::{
    SELFTESTS, UNPLUG, guest_with_driver, on_each_machine, quietly, selftest, wait_for,
};

const ROUNDS: u32 = 100;

on_each_machine!(
    a_device_can_be_unplugged_under_load_a_hundred_times,
    several_devices_come_and_go_on_their_own,
    a_device_that_was_unplugged_with_an_open_file_keeps_its_number,
);

/// Reads lines until one starts with `wanted`; keeps all of them for the verdict.
fn line(running: &mut harness::Running<'_>, seen: &mut String, wanted: &str) -> Result<()> {
    loop {
        let line = running
            .next_line(Duration::from_secs(60))?
            .with_context(|| format!("the test ended before '{wanted}'\n{seen}"))?;
        let found = line.starts_with(wanted);
        let stop = line.starts_with("Bail out!");
        // What the two sides tell each other is no KTAP.
        if !found {
            seen.push_str(&line);
            seen.push('\n');
        }
        if stop {
            bail!("{seen}");
        }
        if found {
            return Ok(());
        }
    }
}

fn a_device_can_be_unplugged_under_load_a_hundred_times(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("unplug", machine, &[])?;
    quietly(&guest, || unplug_under_load(&guest))?;
    selftest(&guest, "sysfs.sh")?;
    guest.finish()
}

/// Unplugs and plugs whenever the test inside says so.
fn unplug_under_load(guest: &Guest) -> Result<()> {
    let device = "pool_id=B,priority=high,vm_id=200,id=plugged";
    guest.plug(device)?;

    let mut seen = String::new();
    let mut test = guest.spawn(&format!("{SELFTESTS}/removal unplug {ROUNDS}"))?;
    for round in 1..=ROUNDS {
        line(&mut test, &mut seen, &format!("ready {round}"))?;
        guest.unplug("plugged", UNPLUG)?;
        line(&mut test, &mut seen, &format!("gone {round}"))?;
        guest.plug(device)?;
    }
    while let Some(line) = test.next_line(Duration::from_secs(60))? {
        seen.push_str(&line);
        seen.push('\n');
    }
    let output = test.wait()?;
    ktap::Report::parse(&seen)
        .check(false)
        .with_context(|| seen.clone())?;
    ensure!(output.success(), "{seen}");
    Ok(())
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
    guest.plug("pool_id=A,id=third")?;
    wait_for(&guest, "[ -c /dev/vgpu0 ]")?;
    guest.finish()
}
