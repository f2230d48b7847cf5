// SPDX-License-Identifier: GPL-2.0

//! vgpuinfo while devices come and go: what it notices, how soon, and at what cost.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine, Running, scaled};
use serde_json::Value;
use vm_tests::{UNPLUG, guest, guest_with_driver, on_each_machine, wait_for};

on_each_machine!(
    a_wait_for_a_device_to_go_sleeps_and_ends_within_a_second,
    a_wait_for_a_device_to_come_sleeps_and_ends_within_a_second,
    a_wait_for_the_driver_ends_when_it_is_bound,
    a_wait_for_a_status_ends_when_a_command_was_done,
    a_wait_that_is_in_vain_ends_with_its_timeout,
    a_watch_shows_a_hot_plug_and_an_unplug,
    a_value_is_there_no_later_than_lspci_has_an_answer,
);

const DEVICE: &str = "pool_id=B,priority=high,vm_id=200,id=plugged";
/// How soon a wait has to end.
const SOON: Duration = Duration::from_secs(1);
/// How long a sleep is observed.
const OBSERVED: Duration = Duration::from_secs(3);

/// A vgpuinfo that runs in the guest.
struct Sleeper<'a> {
    guest: &'a Guest,
    running: Running<'a>,
    pid: u32,
}

impl<'a> Sleeper<'a> {
    /// Starts it, and waits until it sleeps.
    fn start(guest: &'a Guest, arguments: &str) -> Result<Self> {
        let mut running = guest.spawn(&format!("echo $$; exec vgpuinfo {arguments}"))?;
        let pid = next_line(&mut running)?.parse()?;
        let sleeps = format!(
            "[ $(cat /proc/{pid}/comm) = vgpuinfo ] && grep -q ^State:.S /proc/{pid}/status"
        );
        wait_for(guest, &sleeps)?;
        Ok(Sleeper {
            guest,
            running,
            pid,
        })
    }

    /// The time on the CPU that it has had so far, in hundredths of a second.
    fn ticks(&self) -> Result<u64> {
        // utime and stime; the name in the second field has no blank.
        let times = format!("awk '{{ print $14 + $15 }}' /proc/{}/stat", self.pid);
        Ok(self.guest.check(&times)?.parse()?)
    }

    /// What it takes while it is left alone.
    fn cost(&self) -> Result<u64> {
        let before = self.ticks()?;
        thread::sleep(OBSERVED);
        Ok(self.ticks()? - before)
    }

    /// Fails unless it ends well and soon after `start`.
    fn ends(&mut self, start: Instant) -> Result<String> {
        let output = self.running.wait_timeout(UNPLUG)?;
        let took = start.elapsed();
        let output = output.context("it did not end")?;
        ensure!(output.success(), "{}", output.errors());
        ensure!(took < scaled(SOON), "it took {took:?}");
        println!("took {took:?}");
        Ok(output.text())
    }
}

fn next_line(running: &mut Running<'_>) -> Result<String> {
    let line = running.next_line(Duration::from_secs(30))?;
    line.context("there is no more line")
}

fn a_wait_for_a_device_to_go_sleeps_and_ends_within_a_second(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("wait-gone", machine, &[])?;
    guest.plug(DEVICE)?;
    wait_for(&guest, "[ -e /sys/class/vgpu/vgpu0 ]")?;
    let mut wait = Sleeper::start(&guest, "wait --for gone -d vgpu0")?;
    let cost = wait.cost()?;
    ensure!(cost == 0, "{cost} ticks in {OBSERVED:?} of sleep");

    let start = Instant::now();
    guest.qmp().device_del("plugged")?;
    wait.ends(start)?;
    ensure!(guest.run("vgpuinfo -q")?.status() == Some(3));
    guest.finish()
}

fn a_wait_for_a_device_to_come_sleeps_and_ends_within_a_second(machine: Machine) -> Result<()> {
    let guest = guest("wait-present", machine, &[])?;
    // A user without rights is told, too.
    let mut user = guest.spawn("exec su user -c 'exec vgpuinfo wait'")?;
    let mut wait = Sleeper::start(&guest, "wait --for present")?;
    let cost = wait.cost()?;
    ensure!(cost == 0, "{cost} ticks in {OBSERVED:?} of sleep");

    let start = Instant::now();
    guest.plug(DEVICE)?;
    let address = wait.ends(start)?;
    ensure!(guest.check("vgpuinfo get pci")? == address, "{address}");
    let output = user.wait_timeout(UNPLUG)?.context("the user's goes on")?;
    ensure!(output.text() == address, "{}", output.errors());
    guest.finish()
}

fn a_wait_for_the_driver_ends_when_it_is_bound(machine: Machine) -> Result<()> {
    let guest = guest("wait-bound", machine, &["pool_id=B"])?;
    let mut wait = Sleeper::start(&guest, "wait --for bound")?;
    guest.check("modprobe vgpu_stub")?;
    ensure!(wait.ends(Instant::now())? == "vgpu0");

    let mut wait = Sleeper::start(&guest, "wait --for driver=")?;
    guest.check("echo 0000:00:06.0 >/sys/bus/pci/drivers/vgpu_stub/unbind")?;
    ensure!(wait.ends(Instant::now())? == "0000:00:06.0");
    guest.finish()
}

fn a_wait_for_a_status_ends_when_a_command_was_done(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("wait-status", machine, &["pool_id=B"])?;
    let mut wait = Sleeper::start(&guest, "wait --for status=1")?;
    // Nothing is announced here, so it looks again ten times a second.
    let cost = wait.cost()?;
    println!("{cost} ticks in {OBSERVED:?}");
    ensure!(cost < 30, "{cost} ticks in {OBSERVED:?}");
    guest.check("vgpuinfo command 7")?;
    ensure!(wait.ends(Instant::now())? == "vgpu0");
    guest.finish()
}

fn a_wait_that_is_in_vain_ends_with_its_timeout(machine: Machine) -> Result<()> {
    let guest = guest("wait-timeout", machine, &["pool_id=B"])?;
    for condition in ["gone", "bound", "vm_id=7"] {
        let start = Instant::now();
        let output = guest.run(&format!("vgpuinfo wait --for {condition} --timeout 1"))?;
        ensure!(output.status() == Some(7), "{condition}: {output:?}");
        ensure!(start.elapsed() >= Duration::from_millis(900), "{condition}");
    }
    guest.finish()
}

/// Reads events until one is `wanted`.
fn event(watch: &mut Running<'_>, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    loop {
        let event: Value = serde_json::from_str(&next_line(watch)?)?;
        if wanted(&event) {
            return Ok(event);
        }
    }
}

fn a_watch_shows_a_hot_plug_and_an_unplug(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("watch", machine, &["pool_id=A,vm_id=1"])?;
    let mut watch = guest.spawn("vgpuinfo watch --interval 0")?;
    let first: Value = serde_json::from_str(&next_line(&mut watch)?)?;
    ensure!(first["event"] == "present" && first["device"]["vm_id"] == 1);

    guest.plug(DEVICE)?;
    let start = Instant::now();
    let added = event(&mut watch, |it| it["device"]["name"] == "vgpu1")?;
    ensure!(start.elapsed() < scaled(SOON), "{:?}", start.elapsed());
    ensure!(added["device"]["vm_id"] == 200, "{added}");

    guest.unplug("plugged", UNPLUG)?;
    let start = Instant::now();
    let removed = event(&mut watch, |it| it["event"] == "removed")?;
    ensure!(start.elapsed() < scaled(SOON), "{:?}", start.elapsed());
    ensure!(
        removed["device"]["pci"] == added["device"]["pci"],
        "{removed}"
    );
    watch.kill()?;
    watch.wait()?;

    // A reader that has seen enough ends it, though nothing changes any more.
    let status = guest.check("{ vgpuinfo watch; echo $? >&2; } 2>/tmp/status | head -n 1")?;
    ensure!(status.contains("\"present\""), "{status}");
    ensure!(guest.check("cat /tmp/status")? == "0");
    guest.finish()
}

/// The time that a command takes ten times over, in the guest and in milliseconds.
fn time(guest: &Guest, command: &str) -> Result<u64> {
    let script = format!(
        "TIMEFORMAT=%R; time (for i in 1 2 3 4 5 6 7 8 9 10; do {command} >/dev/null; done)"
    );
    let output = guest.run(&format!("bash -c '{script}'"))?;
    let seconds: f64 = output.errors().trim().parse()?;
    // CAST: a time of some seconds.
    Ok((seconds * 1000.0) as u64)
}

fn a_value_is_there_no_later_than_lspci_has_an_answer(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("speed", machine, &["pool_id=B"])?;
    // In turn, and the fastest of each: whatever else the host does hits both.
    let (mut vgpuinfo, mut lspci) = (u64::MAX, u64::MAX);
    for _ in 0..5 {
        vgpuinfo = vgpuinfo.min(time(&guest, "vgpuinfo get pool_id")?);
        lspci = lspci.min(time(&guest, "lspci -s 00:06.0")?);
    }
    println!("ten times: vgpuinfo {vgpuinfo} ms, lspci {lspci} ms");
    ensure!(vgpuinfo <= lspci, "{vgpuinfo} ms, and lspci {lspci} ms");
    guest.finish()
}

#[test]
fn an_identity_that_revision_1_does_not_announce_is_noticed_all_the_same() -> Result<()> {
    let device = "vgpu-stub-hostile,pool-id=0x42";
    let guest = guest_with_driver("wait-identity", Machine::Pc, &[device])?;
    let mut wait = Sleeper::start(&guest, "wait --for pool_id=A --timeout 60")?;
    let mut watch = guest.spawn("exec vgpuinfo watch")?;
    ensure!(next_line(&mut watch)?.contains(r#""pool_id":"B""#));
    // As after a migration to another host, where the device has other properties.
    guest.qmp().qom_set("vgpu0", "pool-id", 0x41)?;
    let output = wait.running.wait_timeout(scaled(Duration::from_secs(5)))?;
    let output = output.context("the wait goes on")?;
    ensure!(output.text() == "vgpu0", "{}", output.errors());
    let line = next_line(&mut watch)?;
    ensure!(line.contains(r#""changed":["pool_id"]"#), "{line}");
    guest.check("killall vgpuinfo")?;
    guest.finish()
}
