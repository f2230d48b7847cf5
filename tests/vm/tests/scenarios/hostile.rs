// SPDX-License-Identifier: GPL-2.0

//! A device that is not what it says, or answers what no device should.

use std::iter;

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine};
use vm_tests::{UNPLUG, guest, on_each_machine, said, wait_for};

on_each_machine!(
    probe_refuses_what_is_no_vgpu_and_says_why,
    values_beyond_the_map_are_shown_as_they_are_with_a_warning,
    a_device_that_stops_answering_is_gone,
    a_command_that_is_never_done_times_out,
);

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
        // As hardware goes, and as QEMU takes a device away.
        (
            "all-ones=on",
            "The device does not answer: POOL_ID reads 0 or all ones.",
        ),
        (
            "script=0",
            "The device does not answer: POOL_ID reads 0 or all ones.",
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
    no_memory_is_left_for_it(&guest)?;
    ensure!(guest.check("ls /sys/class/vgpu")? == "vgpu0");
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/pool_id")? == "B");
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

/// Plugs in a device with more memory than there are addresses for, so that it gets none.
fn no_memory_is_left_for_it(guest: &Guest) -> Result<()> {
    guest.plug("vgpu-stub-hostile,id=big,addr=0x10,bar0-size=0x80000000")?;
    let find = "cd /sys/bus/pci/devices; ls -d *:10.0";
    wait_for(guest, &format!("{find} >/dev/null 2>&1"))?;
    let address = guest.check(find)?;
    wait_for(guest, &format!("dmesg | grep -q 'vgpu_stub {address}'"))?;
    let said = said(guest, &address)?;
    ensure!(
        said == ["BAR0 has no memory: none was assigned to it."],
        "{said:?}"
    );
    guest.unplug("big", UNPLUG)
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
        &["vgpu-stub-hostile,id=liar,pool-id=0x42,status=1,command=4294967295,vm-id=4294967295"],
    )?;
    guest.check("modprobe vgpu_stub")?;
    let dir = "/sys/class/vgpu/vgpu0";
    // All ones is a command and a VM like any other while the pool says something else.
    let shown = guest.check(&format!("cd {dir}; echo $(cat command vm_id)"))?;
    ensure!(shown == "0xffffffff 4294967295", "{shown}");

    // As hardware goes, and as QEMU takes a device away.
    for script in ["ones", "0"] {
        guest.qmp().qom_set("liar", "script", script)?;
        for command in [
            "cat pool_id",
            "cat priority",
            "cat vm_id",
            "cat status",
            "cat command",
            "bash -c 'echo 1 >command'",
        ] {
            let error = refused(&guest, &format!("cd {dir} && {command}"))?;
            ensure!(
                error.contains("No such device"),
                "{script}, {command}: {error}"
            );
        }
        let output = guest.run("vgpuinfo --source chardev")?;
        ensure!(output.status() == Some(6), "{script}: {output:?}");
    }

    guest.qmp().qom_set("liar", "script", "")?;
    guest.check(&format!("cd {dir}; cat status pool_id"))?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

/// A device that is done with every command at once, and cannot interrupt.
const DONE: &str = "vgpu-stub-hostile,id=liar,pool-id=0x42,status=1,result=7,intx=off";

#[test]
fn nothing_is_believed_of_what_a_device_says_while_it_goes() -> Result<()> {
    let common = ["command", "status"];
    let counted = ["commands_submitted", "commands_completed", "result"];
    goes(
        "2",
        "revision=2,features=7",
        &[&common[..], &counted].concat(),
    )?;
    let read = ["pool_id", "priority", "vm_id"];
    goes("1", "revision=1", &[&common[..], &read].concat())
}

/// Takes a device away before each of the reads that is made for an attribute or a command.
/// Either that fails, or the device has said all that matters by then.
fn goes(name: &str, properties: &str, attributes: &[&str]) -> Result<()> {
    let device = format!("{DONE},{properties}");
    let guest = guest(&format!("goes-{name}"), Machine::Pc, &[&device])?;
    guest.check("modprobe vgpu_stub")?;
    let shows = attributes
        .iter()
        .map(|name| format!("cat /sys/class/vgpu/vgpu0/{name}"));
    let submits = "vgpuinfo command 5 --timeout 0.1".to_owned();
    for command in iter::once(submits).chain(shows) {
        guest.qmp().qom_set("liar", "script", "true")?;
        let expected = guest.check(&command)?;
        let reads = guest.qmp().qom_get("liar", "reads")?;
        let reads = reads.as_u64().context("a number")?;
        ensure!(reads > 0, "{command} reads nothing");
        for read in 0..reads {
            for answer in ["ones", "0"] {
                let script = match read {
                    0 => answer.to_owned(),
                    read => format!("{read}*true {answer}"),
                };
                guest.qmp().qom_set("liar", "script", script.as_str())?;
                let output = guest.run(&command)?;
                ensure!(
                    !output.success() || (read > 0 && output.text() == expected),
                    "{command}, with '{script}': {}",
                    output.text()
                );
            }
        }
    }
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
    guest.qmp().qom_set("liar", "status", 1)?;
    guest.check(command)?;

    // A signal ends the wait, and so does unbind.
    guest.qmp().qom_set("liar", "status", 0)?;
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
