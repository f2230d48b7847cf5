// SPDX-License-Identifier: GPL-2.0

//! Again and again, and nothing is left of it.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine};
use vm_tests::{selftest, unplug_in_the_middle_of_a_command, unplug_under_load, wait_for_releases};

use vm_tests::number;

/// A device is plugged in and is gone again within seconds.
const ROUNDS: u32 = 25;

/// It is unbound and bound again many times in a second.
const ROUNDS_OF_UNBIND: u32 = 100;

/// How often objects are counted that may yet go.
const COUNTS: u32 = 10;

/// The number of objects in use in each cache of the slab allocator.
type Slabs = HashMap<String, u32>;

/// Has no processor keep objects for itself: those count as in use, some dozens of them
/// in each cache, now these and now those.
const EXACT: &str = "slab_debug=F";

/// Empties all caches of what is in them though nobody uses it: what can be had again
/// from disk, what KASAN keeps to see it used after it was freed, what RCU has still to
/// free. Addresses are kept after they were unmapped until there are many, or until a
/// module is loaded.
const EMPTY: &str = "for times in 1 2; do
    modprobe i6300esb && rmmod i6300esb || exit
    echo 3 >/proc/sys/vm/drop_caches
    for cache in /sys/kernel/slab/*/shrink; do echo 1 >\"$cache\"; done
    sleep 1
done";

fn slabs(guest: &Guest) -> Result<Slabs> {
    guest.check(EMPTY)?;
    let text = guest.check("awk 'NR > 2 { print $1, $2 }' /proc/slabinfo")?;
    let parse = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    let lines = text
        .lines()
        .map(|line| parse(line).context(line.to_owned()));
    lines.collect()
}

/// Who has an interrupt, without how often each came.
fn interrupts(guest: &Guest) -> Result<String> {
    guest.check("sed 's/  *[0-9][0-9]* / /g' /proc/interrupts")
}

/// What a round takes at most, on the build machines that are slow.
const ROUND: Duration = Duration::from_secs(5);

/// A guest with the devices and the driver, in which objects can be counted. It is a pc:
/// a q35 needs the firmware to be told of an unplug, and three times as long for all.
fn guest(name: &str, devices: &[&str], rounds: u32) -> Result<Guest> {
    let guest = Guest::builder(&format!("cycles-{name}"))
        .machine(Machine::Pc)
        .devices(devices.iter().copied())
        .kernel_arguments(EXACT)
        // Most of what binding a device takes is the firmware's word on its interrupt.
        .kernel_arguments("acpi=noirq")
        .time_limit(Duration::from_secs(300) + ROUND * rounds)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    Ok(guest)
}

/// Which cache has more objects in use than before, and how many.
fn grown_most(before: &Slabs, after: &Slabs) -> Result<(u32, String)> {
    // Those who watch over the kernel have objects of their own, as many as they like.
    let theirs = ["debug_objects", "kmemleak"];
    let watched = after
        .iter()
        .filter(|(name, _)| !theirs.iter().any(|it| name.starts_with(it)));
    let grown = |(name, count): (&String, &u32)| {
        let before = before.get(name).copied().unwrap_or_default();
        (count.saturating_sub(before), name.clone())
    };
    watched.map(grown).max().context("no caches")
}

/// Does something `rounds` times over, and fails if each round, or every second one,
/// has left an object somewhere.
fn leaves_nothing(guest: &Guest, rounds: u32, something: impl Fn(u32) -> Result<()>) -> Result<()> {
    // Whatever is made once and kept is there after a few rounds.
    something(5)?;
    wait_for_releases(guest)?;
    let (before, lines) = (slabs(guest)?, interrupts(guest)?);
    something(rounds)?;
    wait_for_releases(guest)?;
    // Stacks of threads, for one, go some time after these. What is lost stays.
    let allowed = |most| most < rounds / 2;
    let mut counts = 1;
    let (mut most, mut name) = grown_most(&before, &slabs(guest)?)?;
    while !allowed(most) && counts < COUNTS {
        (most, name) = grown_most(&before, &slabs(guest)?)?;
        counts += 1;
    }
    ensure!(allowed(most), "{name}: {most} more objects in use");
    let lines_after = interrupts(guest)?;
    ensure!(
        lines == lines_after,
        "interrupts:\n{lines}\nand\n{lines_after}"
    );
    let enabled = guest.check("cat /sys/bus/pci/drivers/vgpu_stub/*:*/enable")?;
    ensure!(enabled == "1", "the device is enabled {enabled} times");
    println!("{rounds} rounds; {name} has grown most, by {most} objects, counted {counts} times");
    Ok(())
}

#[test]
fn unplugging_under_load_leaves_nothing() -> Result<()> {
    let rounds = number("VGPU_CYCLES", ROUNDS)?;
    let guest = guest("unplug", &[], rounds)?;
    guest.plug("pool_id=A,id=plugged")?;
    leaves_nothing(&guest, rounds, |rounds| {
        guest.unplug("plugged", vm_tests::UNPLUG)?;
        unplug_under_load(&guest, rounds)
    })?;
    guest.finish()
}

#[test]
fn unbinding_under_load_leaves_nothing() -> Result<()> {
    let rounds = number("VGPU_CYCLES", ROUNDS_OF_UNBIND)?;
    let guest = guest("unbind", &["pool_id=B"], rounds)?;
    leaves_nothing(&guest, rounds, |rounds| {
        selftest(&guest, &format!("removal unbind {rounds}"))
    })?;
    guest.finish()
}

#[test]
fn unplugging_in_the_middle_of_a_command_leaves_nothing() -> Result<()> {
    let rounds = number("VGPU_CYCLES", ROUNDS)?;
    let guest = guest("pending", &["pool_id=A"], rounds)?;
    leaves_nothing(&guest, rounds, |rounds| {
        unplug_in_the_middle_of_a_command(&guest, rounds)
    })?;
    guest.finish()
}
