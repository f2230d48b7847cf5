// SPDX-License-Identifier: GPL-2.0

//! The measurements. Each takes guests of its own.

use anyhow::{Context, Result};
use harness::{Artifacts, Guest, GuestBuilder};

use crate::report::Figures;

/// The program of tests/selftests that does single operations.
const OPERATIONS: &str = "/usr/lib/vgpu-selftests/operations";

/// The kinds of device: how each interrupts is what makes the difference.
const KINDS: [(&str, &str); 3] = [
    ("revision 1", "revision=1,pool_id=B,vm_id=7"),
    ("revision 2, MSI-X", "revision=2,pool_id=B,vm_id=7"),
    ("revision 2, INTx", "revision=2,pool_id=B,vm_id=7,msix=off"),
];

/// How many submitters are a herd, and how many commands they submit.
const HERD: u32 = 32;
const COMMANDS: u32 = 2000;

pub(crate) fn guest(artifacts: &Artifacts, name: &str) -> GuestBuilder {
    Guest::builder(name).artifacts(artifacts.clone())
}

/// A guest in which the time stamp counter counts instructions.
fn counting(artifacts: &Artifacts, name: &str) -> GuestBuilder {
    guest(artifacts, name)
        .processors(1)
        .qemu_arguments(["-icount", "shift=0"])
}

/// Adds each line `NAME NUMBER` of what a command prints.
fn add(guest: &Guest, command: &str, group: &str, figures: &mut Figures) -> Result<()> {
    for line in guest.check(command)?.lines() {
        let (name, value) = line.split_once(' ').with_context(|| line.to_owned())?;
        figures.add(group, name, value.parse().with_context(|| line.to_owned())?);
    }
    Ok(())
}

/// The one number that a program prints behind its name.
fn value(guest: &Guest, command: &str) -> Result<f64> {
    let text = guest.check(command)?;
    let number = text.split_whitespace().nth(1);
    number.with_context(|| text.clone())?.parse().context(text)
}

/// Guest instructions of each operation.
pub(crate) fn operations(artifacts: &Artifacts, name: &str, figures: &mut Figures) -> Result<()> {
    for (kind, device) in KINDS {
        let guest = counting(artifacts, name).device(device).boot()?;
        guest.check("modprobe vgpu_stub")?;
        let group = format!("instructions, {kind}");
        add(
            &guest,
            &format!("{OPERATIONS} measure vgpu0"),
            &group,
            figures,
        )?;
    }
    Ok(())
}

/// Reads and writes of BAR0 for each operation.
pub(crate) fn accesses(artifacts: &Artifacts, name: &str, figures: &mut Figures) -> Result<()> {
    for (kind, device) in KINDS {
        let guest = guest(artifacts, name).device(device).boot()?;
        let group = format!("device accesses, {kind}");
        let mut count = |what: &str, command: &str| -> Result<()> {
            let number = u32::try_from(vm_tests::accesses(&guest, command)?.len())?;
            figures.add(&group, what, number.into());
            Ok(())
        };
        count("bind and unbind", "modprobe vgpu_stub && rmmod vgpu_stub")?;
        guest.check("modprobe vgpu_stub")?;
        // The first command finds out whether one is in flight.
        guest.check("vgpuinfo command 1")?;
        for operation in ["submit", "info", "status"] {
            count(operation, &format!("{OPERATIONS} once {operation} vgpu0"))?;
        }
        count("get pool_id", "vgpuinfo get pool_id")?;
    }
    Ok(())
}

/// What takes two processors to be seen.
pub(crate) fn two_processors(
    artifacts: &Artifacts,
    name: &str,
    figures: &mut Figures,
) -> Result<()> {
    let group = "two processors";
    let guest = guest(artifacts, name).device(KINDS[1].1).boot()?;
    guest.check("modprobe vgpu_stub")?;
    let driver = "/sys/bus/pci/drivers/vgpu_stub";
    // `run` counts ticks where nothing counts instructions.
    let unbind = format!("{OPERATIONS} run sh -c 'echo 0000:00:06.0 >{driver}/unbind'");
    let ticks = median(|| {
        let ticks = value(&guest, &unbind)?;
        guest.check(&format!("echo 0000:00:06.0 >{driver}/bind"))?;
        Ok(ticks)
    })?;
    figures.add(group, "unbind, ticks", ticks);
    for number in [1, HERD] {
        let text = guest.check(&format!("{OPERATIONS} herd vgpu0 {number} {COMMANDS}"))?;
        let mut words = text.split_whitespace();
        let mut next = |name: &str| -> Result<f64> {
            let word = words.find(|word| *word == name).and_then(|_| words.next());
            word.with_context(|| text.clone())?
                .parse()
                .context(text.clone())
        };
        let (ticks, switches) = (next("ticks")?, next("switches-per-1000")? / 1000.0);
        figures.add(
            group,
            &format!("{number} submitters, ticks a command"),
            ticks,
        );
        figures.add(
            group,
            &format!("{number} submitters, switches a command"),
            switches,
        );
    }
    Ok(())
}

/// Guest instructions and system calls of vgpuinfo, and of others beside it.
pub(crate) fn commands(artifacts: &Artifacts, name: &str, figures: &mut Figures) -> Result<()> {
    for number in [1, 8, 31] {
        let mut builder = counting(artifacts, name);
        if number == 1 {
            builder = builder.device("revision=2,pool_id=B");
        } else {
            // On a bus of their own: none has room for so many beside what is there.
            builder = builder.device("pci-bridge,id=bench,chassis_nr=2");
            for _ in 0..number {
                builder = builder.device("revision=2,pool_id=B,bus=bench");
            }
        }
        let guest = builder.boot()?;
        guest.check("modprobe vgpu_stub")?;
        let get = match number {
            1 => "vgpuinfo get pool_id",
            _ => "vgpuinfo get pool_id vgpu0",
        };
        for (what, unit) in [("run", "instructions"), ("calls", "system calls")] {
            let group = format!("{unit}, {number} devices");
            for (name, command) in [
                ("cat pool_id", "cat /sys/class/vgpu/vgpu0/pool_id"),
                ("lspci -d", "lspci -d 1af4:1111"),
                ("vgpuinfo --version", "vgpuinfo --version"),
                ("vgpuinfo get pool_id", get),
                ("vgpuinfo", "vgpuinfo"),
                ("vgpuinfo -J", "vgpuinfo -J"),
                ("vgpuinfo check", "vgpuinfo check --pool B"),
            ] {
                let command = format!("{OPERATIONS} {what} {command}");
                figures.add(&group, name, median(|| value(&guest, &command))?);
            }
        }
    }
    Ok(())
}

/// The median of some: the first time, a program is read from the initramfs, and
/// interrupts come when they come.
fn median(measure: impl Fn() -> Result<f64>) -> Result<f64> {
    let values = (0..9).map(|_| measure()).collect::<Result<_>>()?;
    Ok(middle(values))
}

/// The median.
pub(crate) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
