// SPDX-License-Identifier: GPL-2.0

//! What the scenarios have in common. They know the public doors only: sysfs, the
//! node, the commands, and QMP.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Machine, Running, ktap, scaled};

/// Where the programs of tests/selftests are in a guest.
pub const SELFTESTS: &str = "/usr/lib/vgpu-selftests";

/// What an unplug may take: the guest has two seconds to notice, and a busy host
/// has to get to it.
pub const UNPLUG: Duration = Duration::from_secs(30);

/// Makes a test of a function that takes a machine, for each of the machines.
#[macro_export]
macro_rules! on_each_machine {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        mod pc {
            $($(#[$attribute])* #[test] fn $name() -> anyhow::Result<()> {
                super::$name(harness::Machine::Pc)
            })+
        }
        mod q35 {
            $($(#[$attribute])* #[test] fn $name() -> anyhow::Result<()> {
                super::$name(harness::Machine::Q35)
            })+
        }
    };
}

/// A number that the environment may ask for in place of `default`: how often, or for
/// how long.
///
/// # Errors
///
/// The variable holds no number.
pub fn number(variable: &str, default: u32) -> Result<u32> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{variable} must be a number, got '{text}'")),
        Err(_) => Ok(default),
    }
}

/// A guest with the devices, and with the driver loaded.
///
/// # Errors
///
/// It does not boot, or the module does not load.
pub fn guest_with_driver(name: &str, machine: Machine, devices: &[&str]) -> Result<Guest> {
    let guest = guest(name, machine, devices)?;
    guest.check("modprobe vgpu_stub")?;
    Ok(guest)
}

/// A guest with the devices, and with the driver not loaded.
///
/// # Errors
///
/// It does not boot.
pub fn guest(name: &str, machine: Machine, devices: &[&str]) -> Result<Guest> {
    Guest::builder(&format!("{name}-{machine}"))
        .machine(machine)
        .devices(devices.iter().copied())
        .time_limit(Duration::from_secs(300))
        .boot()
}

/// Runs a program of tests/selftests, all of whose tests must hold.
///
/// # Errors
///
/// One of them does not, or is skipped.
pub fn selftest(guest: &Guest, command: &str) -> Result<()> {
    let output = guest.run(&format!("{SELFTESTS}/{command}"))?;
    let text = output.text();
    ktap::Report::parse(&text)
        .check(false)
        .with_context(|| format!("{command}\n{text}\n{}", output.errors()))?;
    ensure!(
        output.success(),
        "{command} failed after its tests held\n{text}"
    );
    // What it counted, for those who ask to be shown.
    println!("{text}");
    Ok(())
}

/// The name that the driver gave to the device with a PCI address.
///
/// # Errors
///
/// It has none.
pub fn name_of(guest: &Guest, address: &str) -> Result<String> {
    guest.check(&format!("ls /sys/bus/pci/devices/{address}/vgpu"))
}

/// What the kernel has said so far at the level of a warning or above.
///
/// # Errors
///
/// The guest has died.
pub fn warnings(guest: &Guest) -> Result<Vec<String>> {
    let text = guest.check("dmesg -r | grep '^<[0-4]>' || true")?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// What the driver has said of a device.
///
/// # Errors
///
/// The guest has died.
pub fn said(guest: &Guest, address: &str) -> Result<Vec<String>> {
    let text = guest.check(&format!("dmesg | grep 'vgpu_stub {address}' || true"))?;
    let after = |line: &str| {
        line.split_once(&format!("{address}: "))
            .map(|(_, text)| text.to_owned())
    };
    Ok(text.lines().filter_map(after).collect())
}

/// Does something that must leave nothing in the kernel's log: no warning, and
/// nothing at all from the driver.
///
/// # Errors
///
/// It does, or it fails.
pub fn quietly(guest: &Guest, something: impl FnOnce() -> Result<()>) -> Result<()> {
    let said = || -> Result<Vec<String>> {
        let mut lines = warnings(guest)?;
        // What a debug kernel says of an object that it releases late is no complaint.
        let driver = guest.check("dmesg -r | grep vgpu | grep -v kobject_release || true")?;
        lines.extend(driver.lines().map(str::to_owned));
        Ok(lines)
    };
    let before = said()?;
    something()?;
    let after = said()?;
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    ensure!(new.is_empty(), "the kernel has said:\n{new:#?}");
    Ok(())
}

/// Waits until a shell condition holds.
///
/// # Errors
///
/// It does not within ten seconds.
pub fn wait_for(guest: &Guest, condition: &str) -> Result<()> {
    let looks = scaled(Duration::from_secs(10)).as_millis() / 50;
    guest
        .check(&format!(
            "for i in $(seq {looks}); do {condition} && exit; sleep 0.05; done; exit 1"
        ))
        .with_context(|| format!("this never came true: {condition}"))?;
    Ok(())
}

/// Runs `removal unplug`, and unplugs and plugs whenever it says so. The guest must
/// have no device before, and has one after.
///
/// # Errors
///
/// One of the rounds fails.
pub fn unplug_under_load(guest: &Guest, rounds: u32) -> Result<()> {
    let device = "pool_id=B,priority=high,vm_id=200,id=plugged";
    guest.plug(device)?;

    let mut seen = String::new();
    let mut test = guest.spawn(&format!("{SELFTESTS}/removal unplug {rounds}"))?;
    for round in 1..=rounds {
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

/// Plugs in a device that never completes a command, submits one, and unplugs the
/// device while somebody waits for it. The guest may have another device, with which
/// nothing is done.
///
/// # Errors
///
/// One of the rounds fails.
pub fn unplug_in_the_middle_of_a_command(guest: &Guest, rounds: u32) -> Result<()> {
    for round in 1..=rounds {
        guest.plug("revision=2,id=pending,command-latency-us=4294967295")?;
        wait_for(guest, "[ -e /sys/class/vgpu/*/features ]")?;
        let name =
            guest.check("cd /sys/class/vgpu; for it in */features; do echo ${it%/*}; done")?;
        wait_for(guest, &format!("[ -c /dev/{name} ]"))?;
        let mut command = guest.spawn(&format!("exec vgpuinfo command 1 {name} --timeout 300"))?;
        let busy = format!("grep -q 0x00000002 /sys/class/vgpu/{name}/status");
        wait_for(guest, &busy)?;
        guest.unplug("pending", UNPLUG)?;
        let output = command.wait_timeout(UNPLUG)?;
        let output = output.with_context(|| format!("round {round}: it still waits"))?;
        ensure!(output.status() == Some(6), "round {round}: {output:?}");
    }
    Ok(())
}

/// Reads lines until one starts with `wanted`; keeps all of them for the verdict.
fn line(running: &mut Running<'_>, seen: &mut String, wanted: &str) -> Result<()> {
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

/// Whether the guest's kernel lets go of objects late, as a debug kernel does: by up to
/// four seconds for each of those that hold another one.
///
/// # Errors
///
/// The guest has died.
pub fn releases_late(guest: &Guest) -> Result<bool> {
    Ok(guest.run("dmesg | grep -q kobject_release")?.success())
}

/// Waits until the numbers of devices that are gone can be had again: the node may hold
/// the device for a while.
///
/// # Errors
///
/// The guest has died.
pub fn wait_for_releases(guest: &Guest) -> Result<()> {
    if releases_late(guest)? {
        guest.check("sleep 9")?;
    }
    Ok(())
}

/// How many interrupts the lines of the driver have had, by the text that is in them.
///
/// # Errors
///
/// The guest has died.
pub fn interrupts(guest: &Guest, kind: &str) -> Result<u64> {
    let lines = guest.check(&format!(
        "grep vgpu /proc/interrupts | grep -e '{kind}' || true"
    ))?;
    let counts = lines.lines().flat_map(|line| {
        let words = line.split_whitespace().skip(1);
        words.map_while(|word| word.parse::<u64>().ok())
    });
    Ok(counts.sum())
}

/// The registers that were read or written while a command ran, by their offsets in BAR0.
/// No other device may be used meanwhile.
///
/// # Errors
///
/// The command fails, or QEMU's log is not what it was.
pub fn accesses(guest: &Guest, command: &str) -> Result<Vec<u32>> {
    guest.qmp().trace("memory_region_ops_*", true)?;
    let before = guest.qemu_log().len();
    guest.check(command)?;
    guest.qmp().trace("memory_region_ops_*", false)?;
    let log = guest.qemu_log();
    let ours = log[before..]
        .lines()
        .filter(|line| line.contains("'vgpu-stub-mmio'"));
    ours.map(|line| {
        let (_, rest) = line.split_once("addr 0x").context("no address")?;
        let digits = rest.split(' ').next().unwrap_or_default();
        // BAR0 is a page of its own.
        Ok(u32::from_str_radix(digits, 16)? & 0xfff)
    })
    .map(|offset: Result<u32>| offset.context("a line of QEMU's log is not understood"))
    .collect()
}
