// SPDX-License-Identifier: GPL-2.0

//! A device whose every answer is a script's: gone at any moment, for a while or for
//! good, or talking nonsense. The driver has to come through with the kernel unharmed,
//! in a bounded time, and to say what is wrong.
//!
//! `VGPU_SCRIPTS` says how many random ones to try, and `VGPU_SEED` which.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use harness::Guest;
use serde_json::Value;

const DEVICE: &str = "/machine/peripheral/liar";
const ADDRESS: &str = "0000:00:06.0";
const SESSION: &str = include_str!("../../session.sh");

/// What a session takes at most. It has two timeouts of 0.1 seconds in it, and some
/// twenty programs to start.
const LIMIT: Duration = Duration::from_secs(60);

/// What the guest may live for: up to the random scripts, and for each of those on a
/// busy machine.
const BEFORE: Duration = Duration::from_secs(600);
const PER_SCRIPT: Duration = Duration::from_secs(15);

/// Random scripts, unless the environment wants more; then the device also goes at
/// each of its reads, and not just at some.
const SCRIPTS: u64 = 3;

const GONE: &str = "No such device";
/// The identity of a device of revision 2 never stays the same for long enough.
const UNSTEADY: &str = "Input/output error";
/// The device says that it has ignored a command, or that it was reset before one was done.
const IGNORED: &str = "has ignored a command";
const RESET: &str = "was reset";

/// One step of a session.
#[derive(Debug)]
struct Step {
    name: String,
    status: i32,
    output: String,
    error: String,
}

impl Step {
    fn parse(line: &str) -> Result<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next().with_context(|| format!("line {line:?}"));
        Ok(Self {
            name: next()?.to_owned(),
            status: next()?.parse().with_context(|| format!("line {line:?}"))?,
            output: next()?.trim().to_owned(),
            error: next()?.trim().to_owned(),
        })
    }

    /// What it says of the device, whose name may be another one each time it is bound.
    fn says(&self) -> Result<Value, &str> {
        let text = match self.output.split_once(": ") {
            Some((name, rest)) if name.starts_with("vgpu") => rest,
            _ => &self.output,
        };
        let mut document: Value = serde_json::from_str(text).map_err(|_| text)?;
        if let Some(name) = document.pointer_mut("/devices/0/name") {
            name.take();
        }
        Ok(document)
    }

    /// Whether what became of it is something that may become of it.
    fn judge(&self) -> Result<()> {
        let number = || self.output.parse::<u32>().is_ok();
        let hexadecimal = || self.output.len() == 10 && self.output.starts_with("0x");
        let good = match (self.name.as_str(), self.status) {
            ("bind", 0) | ("unbind", 0) => self.error.is_empty(),
            ("bind", 1) => self.error.contains(GONE) || self.error.contains(UNSTEADY),
            ("pool_id" | "priority" | "vm_id", 0) => !self.output.is_empty(),
            ("command" | "status" | "features", 0) => hexadecimal(),
            ("list" | "submit" | "again", 0) => true,
            ("submit" | "again", 1) => self.error.contains(IGNORED) || self.error.contains(RESET),
            // vgpuinfo's exit codes: gone, timeout.
            ("list", 6) | ("submit" | "again", 6 | 7) => !self.error.is_empty(),
            ("left", 0) => self.output.is_empty(),
            ("enabled", 0) => self.output == "0",
            ("unbind" | "list" | "submit" | "again" | "left" | "enabled", _) => false,
            // All others are attributes, most of which are decimal numbers.
            (_, 0) => number(),
            (_, 1) => self.error.contains(GONE),
            _ => false,
        };
        ensure!(good, "{self:?}");
        Ok(())
    }
}

/// What became of the steps of all sessions: how often each ended how.
type Tally = BTreeMap<(String, i32), u32>;

/// Has the device answer by a script while all is done with it that can be.
fn session(guest: &Guest, tally: &mut Tally, seed: u32, script: &str) -> Result<Vec<Step>> {
    guest.qmp().qom_set(DEVICE, "seed", seed)?;
    guest.qmp().qom_set(DEVICE, "script", script)?;
    let steps: Vec<_> = guest
        .check_within(&format!("exec /tmp/session.sh {ADDRESS}"), LIMIT)?
        .lines()
        .map(Step::parse)
        .collect::<Result<_>>()?;
    for step in &steps {
        step.judge()?;
        *tally.entry((step.name.clone(), step.status)).or_default() += 1;
    }
    guest.check_kernel_log()?;
    Ok(steps)
}

/// Checks that with a device that is gone at some moment, for good, a step either fails or
/// has what the device says of itself when nothing disturbs it.
fn tell_the_truth(steps: &[Step], truth: &[Step]) -> Result<()> {
    for step in steps.iter().filter(|step| step.status == 0) {
        let is_same = |other: &Step| other.name == step.name && other.says() == step.says();
        ensure!(truth.iter().any(is_same), "it is not so: {step:?}");
    }
    Ok(())
}

/// The number of reads that the last session has made of the device.
fn reads(guest: &Guest) -> Result<u64> {
    let reads = guest.qmp().qom_get(DEVICE, "reads")?;
    reads.as_u64().context("the number of reads is none")
}

fn random_script(rng: &mut Rng) -> String {
    let word = |rng: &mut Rng| {
        let answer = match rng.u8(..8) {
            0..3 => "true".to_owned(),
            3..5 => "random".to_owned(),
            5 => "ones".to_owned(),
            _ => rng.u32(..).to_string(),
        };
        match rng.bool() {
            true => answer,
            false => format!("{}*{answer}", rng.u8(1..12)),
        }
    };
    let words: Vec<_> = (0..rng.u8(1..8)).map(|_| word(rng)).collect();
    words.join(" ")
}

fn number(name: &str) -> Result<Option<u64>> {
    match env::var(name) {
        Ok(text) => Ok(Some(
            text.parse().with_context(|| format!("{name}={text}"))?,
        )),
        Err(_) => Ok(None),
    }
}

#[test]
fn the_driver_survives_whatever_a_device_of_revision_1_answers() -> Result<()> {
    survive(1, "intx=off")
}

#[test]
fn the_driver_survives_whatever_a_device_of_revision_2_answers() -> Result<()> {
    // Should it interrupt, then by each vector and whether it is to or not.
    survive(
        2,
        "features=7,msix=on,irq-bits=3,irq-obeys-enable=off,irq-period-us=500",
    )
}

fn survive(revision: u32, properties: &str) -> Result<()> {
    let seed = number("VGPU_SEED")?.unwrap_or(0x7667_7075);
    let scripts = number("VGPU_SCRIPTS")?;
    println!("VGPU_SEED={seed}");
    let number = scripts.unwrap_or(SCRIPTS);
    let device = format!("vgpu-stub-hostile,id=liar,pool-id=0x42,status=1,revision={revision}");
    let guest = Guest::builder(&format!("scripted-{revision}"))
        .device(&format!("{device},{properties}"))
        .time_limit(BEFORE + PER_SCRIPT * u32::try_from(number)?)
        .boot()?;
    guest.check(&format!(
        "cat >/tmp/session.sh <<'END'\n{SESSION}\nEND\nchmod +x /tmp/session.sh"
    ))?;
    guest.check(&format!(
        "modprobe vgpu_stub && echo {ADDRESS} >/sys/bus/pci/drivers/vgpu_stub/unbind"
    ))?;
    let mut tally = Tally::new();
    let mut try_one = |seed: u32, script: &str| {
        session(&guest, &mut tally, seed, script)
            .with_context(|| format!("script '{script}', seed {seed}"))
    };

    // The first command is none yet.
    try_one(0, "true")?;
    let truth = try_one(0, "true")?;
    let all = reads(&guest)?;
    // Gone from a read on, as hardware goes and as QEMU takes it away, for good; or for
    // that read only.
    let stride = if scripts.is_some() { 1 } else { all / 2 };
    for read in (0..=all).step_by(usize::try_from(stride)?) {
        let before = match read {
            0 => String::new(),
            read => format!("{read}*true "),
        };
        for gone in ["ones", "0"] {
            let script = format!("{before}{gone}");
            let steps = try_one(0, &script)?;
            tell_the_truth(&steps, &truth).with_context(|| format!("script '{script}'"))?;
        }
        try_one(0, &format!("{before}ones true"))?;
    }

    let mut rng = Rng::with_seed(seed);
    for _ in 0..number {
        // Half of them of a device that never completes a command, and half of one that
        // interrupts without end.
        let interrupts = if rng.bool() { u32::MAX } else { 0 };
        for (property, value) in [("status", rng.bool().into()), ("irq-times", interrupts)] {
            guest.qmp().qom_set(DEVICE, property, value)?;
        }
        try_one(rng.u32(..), &random_script(&mut rng))?;
    }
    guest.qmp().qom_set(DEVICE, "irq-times", 0)?;
    println!("{all} reads in a session that nothing disturbs");
    for ((name, status), count) in tally {
        println!("{name} ended with {status}: {count}");
    }

    // And after all of that it works as ever.
    guest.qmp().qom_set(DEVICE, "status", 1)?;
    guest.qmp().qom_set(DEVICE, "script", "")?;
    guest.check(&format!(
        "echo {ADDRESS} >/sys/bus/pci/drivers/vgpu_stub/bind && vgpuinfo command 7"
    ))?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}
