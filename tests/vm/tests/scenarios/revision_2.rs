// SPDX-License-Identifier: GPL-2.0

//! Devices of revision 2: interrupts, commands that take their time, and an identity
//! that the host changes while it is in use.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Machine, ktap};
use serde_json::Value;
use vm_tests::{
    SELFTESTS, UNPLUG, guest, guest_with_driver, interrupts, on_each_machine, quietly, selftest,
    unplug_in_the_middle_of_a_command,
};

use crate::recovery::{Properties, REVISION_2, WITHOUT_MSIX, in_slots};

// How a device interrupts is up to the machine.
on_each_machine!(
    all_selftests_hold_on_revision_2,
    interrupts_come_by_msix_and_by_a_line_that_is_shared,
    what_revision_2_has_is_there_in_revision_3,
);

/// How often the host changes a device.
const CHANGES: u32 = 10_000;

fn all_selftests_hold_on_revision_2(machine: Machine) -> Result<()> {
    let device = "revision=2,pool_id=B,priority=high,vm_id=200";
    let guest = guest_with_driver("selftests-2", machine, &[device])?;
    selftest(&guest, "run_tests.sh")?;
    guest.finish()
}

fn what_revision_2_has_is_there_in_revision_3(machine: Machine) -> Result<()> {
    let devices = [REVISION_2, WITHOUT_MSIX].map(|it| Properties { revision: 3, ..it });
    let arguments = devices.map(|it| it.argument());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let guest = guest_with_driver("as-revision-2", machine, &arguments)?;
    for device in &mut in_slots(&guest, &devices)? {
        device.is_right()?;
        device.is_right()?;
    }
    guest.finish()
}

fn interrupts_come_by_msix_and_by_a_line_that_is_shared(machine: Machine) -> Result<()> {
    // From slot 6 on: the first and the fifth have the same line.
    let line = "revision=2,msix=off";
    let guest = guest_with_driver("lines", machine, &[line, line, line, "revision=2", line])?;
    // Each says whose it is, and what for.
    for name in ["vgpu0, vgpu4", "vgpu1", "vgpu3-command", "vgpu3-config"] {
        guest
            .check(&format!("grep -qw '{name}' /proc/interrupts"))
            .with_context(|| format!("no interrupt is named {name}"))?;
    }

    quietly(&guest, || {
        for round in 1..=5_u64 {
            for device in ["vgpu0", "vgpu4"] {
                guest.check(&format!("vgpuinfo command {round} {device}"))?;
            }
            guest.check(&format!("vgpuinfo command {round} vgpu3"))?;
            ensure!(
                interrupts(&guest, "MSIX")? == round,
                "MSI-X in round {round}"
            );
        }
        Ok(())
    })?;
    let by_line = interrupts(&guest, "IO-APIC")?;
    ensure!(by_line == 10, "{by_line} interrupts by the lines");
    for device in ["vgpu0", "vgpu3", "vgpu4"] {
        let completed = guest.check(&format!("cat /sys/class/vgpu/{device}/commands_completed"))?;
        ensure!(completed == "5", "{device}: {completed}");
    }
    // The line goes on to work for the others when one of them goes.
    guest.check("cd /sys/bus/pci/drivers/vgpu_stub && echo 0000:00:06.0 >unbind")?;
    guest.check("vgpuinfo command 9 vgpu4")?;
    guest.finish()
}

#[test]
fn every_change_of_a_running_device_is_seen_by_all_who_wait() -> Result<()> {
    let guest = guest_with_driver("live", Machine::Pc, &["revision=2,id=gpu,addr=6"])?;
    quietly(&guest, || {
        let mut live = guest.spawn(&format!("exec {SELFTESTS}/live {CHANGES}"))?;
        while live.next_line(UNPLUG)?.context("live ended")? != "ready" {}
        let mut watch = guest.spawn("exec vgpuinfo watch --interval 0")?;
        watch.next_line(UNPLUG)?.context("watch ended")?;
        for change in 1..=CHANGES {
            guest
                .qmp()
                .qom_set("/machine/peripheral/gpu", "vm_id", i64::from(change))?;
        }
        let output = live.wait()?;
        let text = output.text();
        ktap::Report::parse(&text)
            .check(false)
            .with_context(|| text.clone())?;
        ensure!(output.success(), "{text}");

        guest
            .qmp()
            .qom_set("/machine/peripheral/gpu", "priority", "low")?;
        let end = Instant::now() + UNPLUG;
        loop {
            let line = watch.next_line(UNPLUG)?.context("watch ended")?;
            if line.contains("\"low\"") {
                break;
            }
            ensure!(
                Instant::now() < end,
                "watch does not tell the last change: {line}"
            );
        }
        guest.check(&format!("vgpuinfo check --priority low --vm-id {CHANGES}"))?;
        let generation = guest.check("cat /sys/class/vgpu/vgpu0/config_generation")?;
        ensure!(generation == (CHANGES + 1).to_string(), "{generation}");
        Ok(())
    })?;
    guest.finish()
}

/// The sequence numbers in what vgpuinfo has said of commands, in the order of the text.
fn sequences(guest: &Guest, command: &str) -> Result<Vec<u64>> {
    let text = guest.check(command)?;
    let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let numbers = documents.map(|document| {
        let document = document.with_context(|| text.clone())?;
        let device = &document["devices"][0];
        ensure!(device["status"] == 1 && device["result"] == 0, "{document}");
        device["sequence"].as_u64().context("it has no number")
    });
    numbers.collect()
}

#[test]
fn commands_that_take_their_time_are_waited_for_asleep() -> Result<()> {
    let devices = [
        "revision=2,command-latency-us=5000",
        "revision=2,command-latency-us=1500000",
        "revision=2,command-latency-us=4294967295",
        "revision=2,command-latency-us=4294967295",
    ];
    let guest = guest_with_driver("latency", Machine::Pc, &devices)?;
    quietly(&guest, || {
        // Four processes with a command each, again and again: each gets its own.
        let numbers = sequences(
            &guest,
            "for process in 1 2 3 4; do
                 (for round in $(seq 25); do vgpuinfo -J command $process vgpu0; done) \\
                     >/tmp/of$process & all=\"$all $!\"
             done
             wait $all; cat /tmp/of?",
        )?;
        let numbers: BTreeSet<_> = numbers.into_iter().collect();
        ensure!(numbers == (1..=100).collect(), "{numbers:?}");
        let completed = guest.check("cat /sys/class/vgpu/vgpu0/commands_completed")?;
        ensure!(
            completed == "100",
            "{completed} commands were completed, not 100"
        );

        // Who comes first is served first.
        let numbers = sequences(
            &guest,
            "for turn in 1 2 3 4; do
                 vgpuinfo -J command 7 vgpu1 --timeout 30 >/tmp/turn$turn & all=\"$all $!\"
                 sleep 0.3
             done
             wait $all; cat /tmp/turn?",
        )?;
        ensure!(numbers == [1, 2, 3, 4], "{numbers:?}");

        // In ticks of 10 ms: those of its start, and those after a second of waiting.
        let ticks = guest.check(
            "vgpuinfo command 1 vgpu3 --timeout 60 >/dev/null & process=$!
             ticks() { set -- $(cut -d ' ' -f 14,15 /proc/$process/stat); echo $(($1 + $2)); }
             until [ $(($(cat /sys/class/vgpu/vgpu3/status) & 2)) != 0 ]; do sleep 0.1; done
             ticks; sleep 1; ticks; kill $process",
        )?;
        let ticks: Vec<u64> = ticks
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [start, waiting] = ticks[..] else {
            bail!("these are no two numbers: {ticks:?}")
        };
        let spent = Duration::from_millis((waiting - start) * 10);
        ensure!(
            spent <= harness::scaled(Duration::from_millis(50)),
            "{spent:?} of CPU in a second of waiting"
        );

        // Who comes after somebody that gave up waits for the rest of that command.
        let output = guest.run("vgpuinfo command 1 vgpu1 --timeout 0.2")?;
        ensure!(output.status() == Some(7), "{output:?}");
        guest.check("vgpuinfo command 2 vgpu1 --timeout 20")?;
        let completed = guest.check("cat /sys/class/vgpu/vgpu1/commands_completed")?;
        ensure!(
            completed == "6",
            "{completed} commands were completed, not 6"
        );

        // A device that never completes keeps nobody for longer than said.
        let started = Instant::now();
        for (error, timeout) in [("did not complete", "0.5"), ("was busy", "0.5")] {
            let output = guest.run(&format!("vgpuinfo -J command 1 vgpu2 --timeout {timeout}"))?;
            ensure!(output.status() == Some(7), "{output:?}");
            ensure!(output.text().contains(error), "{}", output.text());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(20),
            "it took too long"
        );
        Ok(())
    })?;
    guest.finish()
}

#[test]
fn a_device_goes_while_a_command_is_pending() -> Result<()> {
    let guest = guest_with_driver("pending", Machine::Pc, &[])?;
    quietly(&guest, || unplug_in_the_middle_of_a_command(&guest, 10))?;
    guest.finish()
}

#[test]
fn a_device_that_cannot_interrupt_is_asked() -> Result<()> {
    const LIAR: &str = "/machine/peripheral/liar";
    let device = "vgpu-stub-hostile,id=liar,revision=2,features=7,intx=off,status=1,pool-id=0x42";
    let guest = guest("asked", Machine::Pc, &[device])?;
    guest.check("modprobe vgpu_stub")?;
    let said = "dmesg | grep -c 'vgpu_stub .*: No interrupts (ENOSPC): '";
    ensure!(guest.check(said)? == "1", "it is not said once");
    guest.check("! grep vgpu /proc/interrupts")?;
    quietly(&guest, || {
        guest.check("vgpuinfo command 7")?;
        // Not done yet, and then it is: nobody but who asks gets to know.
        guest.qmp().qom_set(LIAR, "status", 2)?;
        let mut command = guest.spawn("exec vgpuinfo command 8 --timeout 60")?;
        vm_tests::wait_for(&guest, "grep -q 0x00000008 /sys/class/vgpu/vgpu0/command")?;
        guest.qmp().qom_set(LIAR, "status", 1)?;
        let output = command.wait_timeout(UNPLUG)?;
        ensure!(output.context("the command still waits")?.success());

        guest.qmp().qom_set(LIAR, "pool-id", 0x41)?;
        ensure!(
            guest.check("vgpuinfo get pool_id")? == "B",
            "without a new generation"
        );
        guest.qmp().qom_set(LIAR, "config-generation", 5)?;
        ensure!(guest.check("vgpuinfo get pool_id")? == "A", "with one");
        ensure!(guest.check("vgpuinfo get config_generation")? == "5");
        guest.qmp().qom_set(LIAR, "config-generation", 6)?;
        let shown = guest.check("vgpuinfo --source chardev get config_generation")?;
        ensure!(shown == "6", "{shown}");
        Ok(())
    })?;
    guest.finish()
}

#[test]
fn a_snapshot_in_the_middle_of_a_command_completes_it_once() -> Result<()> {
    let images = tempfile::tempdir()?;
    let [below, image] = ["below", "image"].map(|name| images.path().join(name));
    File::create(&below)?.set_len(1 << 20)?;
    let drive = format!("if=none,id=state,format=raw,file={}", below.display());
    let guest = Guest::builder("snapshot")
        .device("revision=2,command-latency-us=3000000")
        .qemu_arguments(["-drive", &drive])
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    // What is written to from here on is an image that can hold a snapshot.
    let overlay = format!("snapshot_blkdev state {} qcow2", image.display());
    guest.qmp().monitor(&overlay)?;

    quietly(&guest, || {
        let mut command = guest.spawn("exec vgpuinfo command 7 --timeout 60")?;
        vm_tests::wait_for(&guest, "grep -q 0x00000002 /sys/class/vgpu/vgpu0/status")?;
        for line in ["stop", "savevm kept", "loadvm kept", "cont"] {
            guest.qmp().monitor(line)?;
        }
        let output = command
            .wait_timeout(UNPLUG)?
            .context("the command still waits")?;
        ensure!(output.success(), "{output:?}");
        for count in ["commands_submitted", "commands_completed"] {
            let count = guest.check(&format!("cat /sys/class/vgpu/vgpu0/{count}"))?;
            ensure!(count == "1", "{count}");
        }
        ensure!(interrupts(&guest, "MSIX")? == 1, "it interrupts once");
        guest.check("vgpuinfo command 8")?;
        Ok(())
    })?;
    guest.finish()
}
