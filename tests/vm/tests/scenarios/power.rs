// SPDX-License-Identifier: GPL-2.0

//! Suspend, resume, and another kernel started from the running one: what the device
//! is does not change, and it goes on working.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::qapi::qmp::{KeyValue, QKeyCode, send_key};
use harness::{Artifacts, Guest, Machine};
use serde_json::Value;
use tempfile::TempDir;
use vm_tests::{UNPLUG, guest_with_driver, on_each_machine, selftest};

use crate::recovery::{BUSY, REVISION_1, REVISION_2, WITHOUT_MSIX, in_slots, is_told_of_its_loss};

on_each_machine!(the_device_outlives_suspend_to_idle_and_to_ram);

/// How long going to sleep and waking up may take.
const SUSPEND: Duration = Duration::from_secs(120);

const DEVICE: &str = "pool_id=B,priority=high,vm_id=200";

/// The device is what the host says, by every way there is, and takes commands.
fn works(guest: &Guest) -> Result<()> {
    for source in ["sysfs", "chardev"] {
        guest.check(&format!(
            "vgpuinfo check --pool B --priority high --vm-id 200 --source {source}"
        ))?;
    }
    guest.check("vgpuinfo command 0x5a && vgpuinfo get command | grep -x 0x0000005a")?;
    Ok(())
}

/// Has the guest suspend to `state`, with the node open all the while, and presses a
/// key as soon as it sleeps.
pub(crate) fn suspend(guest: &Guest, state: &str) -> Result<()> {
    let sleeps = || guest.console_log().matches("Suspending console").count();
    let before = sleeps();
    let mut suspending = guest.spawn(&format!(
        "exec 3<>/dev/vgpu0
         echo enabled >/sys/bus/serio/devices/serio0/power/wakeup
         echo {state} >/sys/power/mem_sleep
         echo mem >/sys/power/state"
    ))?;
    let end = Instant::now() + SUSPEND;
    loop {
        // A key that comes while it still goes to sleep is one that wakes nobody.
        if sleeps() > before {
            guest.qmp().execute(&press_space())?;
        }
        if let Some(output) = suspending.wait_timeout(Duration::from_secs(1))? {
            ensure!(output.success(), "{state}: {}", output.errors());
            return Ok(());
        }
        ensure!(Instant::now() < end, "{state}: no key wakes it");
    }
}

fn press_space() -> send_key {
    send_key {
        keys: vec![KeyValue::qcode(QKeyCode::spc.into())],
        hold_time: None,
    }
}

/// Everything about the device that the host has decided.
fn identity(guest: &Guest) -> Result<Value> {
    let mut document: Value = serde_json::from_str(&guest.check("vgpuinfo -J")?)?;
    let device = document["devices"][0].as_object_mut();
    // To RAM, the machine is off: these are as after a reset.
    device
        .context("no device")?
        .retain(|name, _| !["command", "status"].contains(&name.as_str()));
    Ok(document)
}

fn the_device_outlives_suspend_to_idle_and_to_ram(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("suspend", machine, &[DEVICE])?;
    works(&guest)?;
    let before = identity(&guest)?;
    for (times, state) in [("1", "s2idle"), ("2", "deep")] {
        suspend(&guest, state)?;
        let success = guest.check("cat /sys/power/suspend_stats/success")?;
        ensure!(
            success == times,
            "{state}: {success} times suspended, not {times}"
        );
        let after = identity(&guest)?;
        ensure!(after == before, "{state}: {after}, not {before}");
        works(&guest)?;
    }
    selftest(&guest, "chardev vgpu0")?;
    guest.finish()
}

#[test]
fn a_device_that_was_switched_off_meanwhile_is_right_again() -> Result<()> {
    let plugged = [REVISION_1, REVISION_2, WITHOUT_MSIX, BUSY];
    let arguments = plugged.map(|it| it.argument());
    let arguments = arguments.each_ref().map(String::as_str);
    let guest = guest_with_driver("suspend-2", Machine::Pc, &arguments)?;
    let mut devices = in_slots(&guest, &plugged)?;
    for state in ["s2idle", "deep", "deep"] {
        // With s2idle, nobody switches anything off.
        let lost = match state {
            "deep" => Some(devices[3].start_command()?),
            _ => None,
        };
        suspend(&guest, state)?;
        if let Some(command) = lost {
            is_told_of_its_loss(command)?;
        }
        for device in &mut devices[..3] {
            device.is_right().context(state)?;
        }
    }
    guest.finish()
}

/// The initramfs of the guests with the kernel and that initramfs in it.
fn with_kernel(artifacts: &Artifacts, directory: &Path) -> Result<Artifacts> {
    let boot = directory.join("boot");
    fs::create_dir(&boot)?;
    fs::copy(&artifacts.kernel, boot.join("vmlinuz"))?;
    fs::copy(&artifacts.initramfs, boot.join("initramfs.cpio"))?;
    let initramfs = directory.join("initramfs.cpio");
    // An archive may follow another one.
    let status = Command::new("sh")
        .current_dir(directory)
        .args([
            "-ec",
            "cp \"$1\" \"$2\"; find boot | cpio --quiet -o -H newc >>\"$2\"",
            "sh",
        ])
        .args([&artifacts.initramfs, &initramfs])
        .status()?;
    ensure!(status.success(), "cpio: {status}");
    Ok(Artifacts {
        initramfs,
        ..artifacts.clone()
    })
}

#[test]
fn the_device_works_in_a_kernel_that_this_one_has_started() -> Result<()> {
    let directory = TempDir::new()?;
    let artifacts = with_kernel(&Artifacts::from_env()?, directory.path())?;
    let guest = Guest::builder("kexec")
        .artifacts(artifacts)
        .device(DEVICE)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    works(&guest)?;
    guest.plug("revision=2,msix=off,id=live,addr=9")?;
    // The register IRQ_ENABLE, which the driver has to itself while it is bound.
    let enabled = "bar=$(head -n 1 /sys/bus/pci/devices/0000:00:09.0/resource)
        busybox devmem $((${bar%% *} + 0x1c)) 32";
    let started = "cat /proc/sys/kernel/random/boot_id";
    let first = guest.check(started)?;
    let boots = guest.boots();
    // The agent goes with the kernel, before it can say how that ended.
    let _ = guest.run("vgpu-kexec /boot/vmlinuz /boot/initramfs.cpio");
    guest.wait_boot(boots)?;
    ensure!(guest.check(started)? != first, "it is the same kernel");
    // Nobody has reset the devices, and nobody is there yet to be interrupted.
    guest.check("echo 1 >/sys/bus/pci/devices/0000:00:09.0/enable")?;
    ensure!(guest.check(enabled)? == "0x00000000", "interrupts are on");
    guest.unplug("live", UNPLUG)?;
    // One has the last command still.
    guest.check("vgpuinfo get command --source bar | grep -x 0x0000005a")?;
    guest.check("modprobe vgpu_stub")?;
    works(&guest)?;
    selftest(&guest, "chardev vgpu0")?;
    guest.finish()
}
