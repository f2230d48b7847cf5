// SPDX-License-Identifier: GPL-2.0

//! A guest that ejects its device while it accesses it, without asking anybody: QEMU has
//! to live, and so has the driver.
//!
//! One vCPU accesses the device without pause and another one ejects its slot, on a host
//! that has more to do than it has cores: the first one waits for QEMU's lock, and enters
//! the device's handlers when the device is gone. What becomes of QEMU then is best seen
//! in one that is built with sanitizers.

mod load;
mod place;

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, qapi};
use vm_tests::{SELFTESTS, UNPLUG};

use load::Load;
use place::Place;

/// The number of ejects of each test.
const EJECTS: u32 = 100;

/// A round takes some seconds, on a host that is busy with the other tests, too.
const ROUND: Duration = Duration::from_secs(20);

/// How long a part of a round may take: a guest that stands still is to be told from one
/// that is slow.
const STANDSTILL: Duration = Duration::from_secs(120);

/// What takes the longest where the emulation has a fraction of a core.
const BOOT: Duration = Duration::from_secs(400);

/// A command's status when it was executed.
const DONE: &str = "0x00000001";

/// What the device logs about an access that came too late.
const LATE: &str = "of an unplugged device ignored";

/// A device, and how a guest accesses it meanwhile: see selftests/eject.c.
struct Campaign {
    name: &'static str,
    device: &'static str,
    /// These take turns.
    accesses: &'static [&'static str],
}

fn ejects() -> Result<u32> {
    match env::var("VGPU_EJECTS") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("VGPU_EJECTS must be a number, got '{text}'")),
        Err(_) => Ok(EJECTS),
    }
}

fn boot(place: Place, campaign: &Campaign, ejects: u32) -> Result<Guest> {
    let guest = Guest::builder(&format!("eject-{place}-{}", campaign.name))
        .machine(place.machine())
        .qemu_arguments(place.qemu_arguments())
        .qemu_arguments(["-d", "guest_errors"])
        .parallel()
        // A user may map what a driver has, and a processor that has nothing to do does
        // not sleep: emulated ones oversleep now and then.
        .kernel_arguments("iomem=relaxed idle=poll pcie_ports=compat")
        .boot_limit(BOOT)
        .time_limit(BOOT + ROUND * ejects)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    Ok(guest)
}

/// Plugs the device in, has the driver bind it and execute a command, and gives its
/// address.
fn plug(guest: &Guest, place: Place, campaign: &Campaign) -> Result<String> {
    guest.plug(&format!("id=gpu,{},{}", place.slot(), campaign.device))?;
    // By one script: under such a load each more takes as long as all the rest.
    let plugged = format!(
        "{find} || exit
         for look in $(seq 1000); do
             [ ! -w /sys/class/vgpu/*/command ] || break
             sleep 0.05
         done
         cd /sys/class/vgpu/*/ && echo 7 >command && grep -q {DONE} status && cd -P device &&
         echo ${{PWD##*/}}",
        find = place.find(),
    );
    guest.check_within(&plugged, STANDSTILL)
}

/// Ejects the device while it is accessed, and has the guest notice.
fn eject(guest: &Guest, place: Place, address: &str, accesses: &str) -> Result<()> {
    let load = Load::start();
    let way = place.way();
    guest.check_within(
        &format!("exec {SELFTESTS}/eject {accesses} {address} {way}"),
        STANDSTILL,
    )?;
    drop(load);
    guest.check_within(
        &format!("echo 1 >/sys/bus/pci/devices/{address}/remove"),
        STANDSTILL,
    )?;
    guest.qmp().wait_deleted("gpu", UNPLUG)
}

fn run(place: Place, campaign: &Campaign) -> Result<()> {
    let ejects = ejects()?;
    let guest = boot(place, campaign, ejects)?;
    let accesses = campaign
        .accesses
        .iter()
        .filter(|accesses| place.has(accesses));
    for (round, accesses) in (1..=ejects).zip(accesses.cycle()) {
        plug(&guest, place, campaign)
            .and_then(|address| eject(&guest, place, &address, accesses))
            .with_context(|| format!("eject {round} of {ejects}, {accesses}"))?;
    }
    plug(&guest, place, campaign).context("after the last eject")?;

    guest.check_kernel_log()?;
    let late = guest.qemu_log().matches(LATE).count();
    println!(
        "{place}, {}: {ejects} ejects, {late} writes that came too late",
        campaign.name
    );
    // About every fourth eject has one: without, this has shown nothing.
    ensure!(late > 0 || ejects < EJECTS / 2, "no write came too late");
    // What a sanitizer finds last, it finds when QEMU ends in good order.
    guest.qmp().execute(&qapi::qmp::quit {})?;
    let status = guest.wait_off(UNPLUG)?;
    ensure!(status.success(), "{status}: {}", guest.qemu_log());
    guest.finish()
}

/// Makes a test of each campaign in a place.
macro_rules! in_each_place {
    ($($(#[$attribute:meta])* $name:ident: $campaign:expr),+ $(,)?) => {
        in_each_place!(@ pc Pc $($(#[$attribute])* $name $campaign),+);
        in_each_place!(@ q35_bridge Q35Bridge $($(#[$attribute])* $name $campaign),+);
        in_each_place!(@ q35_port Q35Port $($(#[$attribute])* $name $campaign),+);
    };
    (@ $module:ident $place:ident $($(#[$attribute:meta])* $name:ident $campaign:expr),+) => {
        mod $module {
            use super::{Campaign, Place, run};
            $($(#[$attribute])* #[test] fn $name() -> anyhow::Result<()> {
                run(Place::$place, &$campaign)
            })+
        }
    };
}

in_each_place!(
    commands_that_are_done_at_once_and_the_line: Campaign {
        name: "at-once-line",
        device: "revision=2,msix=off",
        accesses: &["registers"],
    },
    commands_that_are_done_at_once_and_vectors: Campaign {
        name: "at-once-vectors",
        device: "revision=2,msix=on",
        accesses: &["registers"],
    },
    commands_that_take_time_and_the_line: Campaign {
        name: "time-line",
        device: "revision=2,msix=off,command-latency-us=1",
        accesses: &["registers"],
    },
    commands_that_take_time_and_vectors: Campaign {
        name: "time-vectors",
        device: "revision=2,msix=on,command-latency-us=1",
        accesses: &["registers"],
    },
    vectors_configuration_space_and_resets: Campaign {
        name: "all",
        device: "revision=2,msix=on,command-latency-us=1",
        accesses: &["vectors", "config", "reset"],
    },
);
