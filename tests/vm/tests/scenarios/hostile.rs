// SPDX-License-Identifier: GPL-2.0

//! A device that is not what it says, or answers what no device should.

use anyhow::{Result, ensure};
use harness::{Guest, Machine};
use vm_tests::{guest, on_each_machine};

on_each_machine!(
    probe_refuses_what_is_no_vgpu_and_says_why,
    values_beyond_the_map_are_shown_as_they_are_with_a_warning,
    a_device_that_stops_answering_is_gone,
    a_command_that_is_never_done_times_out,
);

/// What the driver has said of a device.
fn said(guest: &Guest, address: &str) -> Result<Vec<String>> {
    let text = guest.check(&format!("dmesg | grep 'vgpu_stub {address}' || true"))?;
    let after = |line: &str| {
        line.split_once(&format!("{address}: "))
            .map(|(_, text)| text.to_owned())
    };
    Ok(text.lines().filter_map(after).collect())
}

fn probe_refuses_what_is_no_vgpu_and_says_why(machine: Machine) -> Result<()> {
    let devices = [
        (
            "class=0x0300",
            "Class is 0x0300 and not 0x1200: not a vGPU stub.",
        ),
        (
            "bar0-size=16",
            "BAR0 has 16 bytes and not 4096: not a vGPU stub.",
        ),
        (
            "bar0-io=on",
            "BAR0 is I/O ports and not memory: not a vGPU stub.",
        ),
        (
            "all-ones=on",
            "All registers read all ones: the device does not answer.",
        ),
    ];
    let arguments = devices.map(|(properties, _)| format!("vgpu-stub-hostile,{properties}"));
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // A good one among them is not disturbed.
    arguments.push("pool_id=B");
    let guest = guest("refused", machine, &arguments)?;
    guest.check("modprobe vgpu_stub")?;

    for (slot, (properties, line)) in (6..).zip(devices) {
        let address = format!("0000:00:{slot:02x}.0");
        let said = said(&guest, &address)?;
        ensure!(said == [line], "{properties}: {said:?}");
        guest.check(&format!("test ! -e /sys/bus/pci/devices/{address}/driver"))?;
        let enabled = guest.check(&format!("cat /sys/bus/pci/devices/{address}/enable"))?;
        ensure!(enabled == "0", "{properties}: enabled {enabled} times");
    }
    ensure!(guest.check("ls /sys/class/vgpu")? == "vgpu0");
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/pool_id")? == "B");
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

fn values_beyond_the_map_are_shown_as_they_are_with_a_warning(machine: Machine) -> Result<()> {
    let guest = guest(
        "beyond",
        machine,
        &["vgpu-stub-hostile,pool-id=0x07,priority=9,vm-id=4294967295"],
    )?;
    guest.check("modprobe vgpu_stub")?;
    let shown = guest.check("cd /sys/class/vgpu/vgpu0; echo $(cat pool_id priority vm_id)")?;
    ensure!(shown == "0x07 9 4294967295", "{shown}");
    let said = said(&guest, "0000:00:06.0")?;
    ensure!(
        said == [
            "Pool id 0x07 is no ASCII letter or digit.",
            "Priority 9 is none of those that revision 1 has.",
        ],
        "{said:?}"
    );
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

/// Runs a command that must fail, and returns what it wrote to stderr.
fn refused(guest: &Guest, command: &str) -> Result<String> {
    let output = guest.run(command)?;
    ensure!(
        !output.success(),
        "'{command}' succeeded: {}",
        output.text()
    );
    Ok(output.errors())
}

fn a_device_that_stops_answering_is_gone(machine: Machine) -> Result<()> {
    let guest = guest(
        "stops",
        machine,
        &["vgpu-stub-hostile,id=liar,pool-id=0x42,status=1,command=4294967295"],
    )?;
    guest.check("modprobe vgpu_stub")?;
    let dir = "/sys/class/vgpu/vgpu0";
    // All ones is a command like any other while the status says something else.
    ensure!(guest.check(&format!("cat {dir}/command"))? == "0xffffffff");

    guest
        .qmp()
        .qom_set("/machine/peripheral/liar", "all-ones", true)?;
    for command in ["cat status", "cat command", "bash -c 'echo 1 >command'"] {
        let error = refused(&guest, &format!("cd {dir} && {command}"))?;
        ensure!(error.contains("No such device"), "{command}: {error}");
    }
    // What was read at probe stays.
    ensure!(guest.check(&format!("cat {dir}/pool_id"))? == "B");

    guest
        .qmp()
        .qom_set("/machine/peripheral/liar", "all-ones", false)?;
    guest.check(&format!("cat {dir}/status"))?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

fn a_command_that_is_never_done_times_out(machine: Machine) -> Result<()> {
    let guest = guest(
        "stuck",
        machine,
        &["vgpu-stub-hostile,id=liar,pool-id=0x42,status=0"],
    )?;
    guest.check("modprobe vgpu_stub")?;

    let command = "vgpuinfo command 5 --timeout 0.5";
    let output = guest.run(command)?;
    ensure!(
        output.status() == Some(7),
        "{:?} {}",
        output.status(),
        output.errors()
    );
    let error = refused(&guest, "bash -c 'echo 1 >/sys/class/vgpu/vgpu0/command'")?;
    ensure!(error.contains("timed out"), "{error}");

    // The slot is free again: the next command gets it, and its completion.
    guest
        .qmp()
        .qom_set("/machine/peripheral/liar", "status", 1)?;
    guest.check(command)?;

    // A signal ends the wait, and so does unbind.
    guest
        .qmp()
        .qom_set("/machine/peripheral/liar", "status", 0)?;
    let mut waiting = guest.spawn("exec vgpuinfo command 6 --timeout 100")?;
    ensure!(
        waiting
            .wait_timeout(std::time::Duration::from_secs(1))?
            .is_none()
    );
    guest.check("kill $(pidof vgpuinfo)")?;
    waiting.wait()?;
    let waiting = guest.spawn("exec vgpuinfo command 6 --timeout 100")?;
    guest.check("sleep 1; echo 0000:00:06.0 >/sys/bus/pci/drivers/vgpu_stub/unbind")?;
    let output = waiting.wait()?;
    ensure!(
        output.status() == Some(6),
        "{:?} {}",
        output.status(),
        output.errors()
    );
    guest.finish()
}
