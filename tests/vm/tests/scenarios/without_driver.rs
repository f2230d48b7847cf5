// SPDX-License-Identifier: GPL-2.0

//! vgpuinfo on a kernel that the driver is not for: root reads BAR0, and whoever waits is
//! told of a device that comes and goes. 'make check-matrix' has it on those of Debian 11
//! to 13.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Artifacts, Guest, scaled};
use serde_json::Value;
use vm_tests::UNPLUG;

const DEVICE: &str = "pool_id=B,priority=high,vm_id=200,id=plugged,addr=0x10";

fn guest(name: &str, devices: &[&str]) -> Result<Guest> {
    Guest::builder(name)
        .artifacts(Artifacts::without_rust()?)
        .devices(devices.iter().copied())
        .boot()
}

/// Fails unless a command ends so, and says so on either of its outputs.
fn ends(guest: &Guest, command: &str, status: i32, text: &str) -> Result<()> {
    let output = guest.run(command)?;
    let said = format!("{}\n{}", output.text(), output.errors());
    ensure!(output.status() == Some(status), "{command}: {said}");
    ensure!(said.contains(text), "{command}: {said}");
    Ok(())
}

#[test]
fn root_reads_the_device_and_everybody_is_told_what_takes_the_driver() -> Result<()> {
    let guest = guest("without-driver", &["pool_id=B,priority=high,vm_id=200"])?;
    println!("{}", guest.check("uname -r")?);
    let listed = guest.check("vgpuinfo list -J")?;
    let device = &serde_json::from_str::<Value>(&listed)?["devices"][0];
    for (field, value) in [
        ("pci", "0000:00:06.0".into()),
        ("pool_id", "B".into()),
        ("priority", "high".into()),
        ("vm_id", 200.into()),
        ("status", 0.into()),
        ("driver", Value::Null),
        ("source", "bar".into()),
    ] {
        ensure!(device[field] == value, "{field}: {device}");
    }
    let as_user = |command: &str| format!("su user -c '{command}'");
    for (command, status, text) in [
        ("vgpuinfo check --pool B --vm-id 200".to_owned(), 0, ""),
        (
            "vgpuinfo wait --for pool_id=B --timeout 5".into(),
            0,
            "00:06.0",
        ),
        (
            "vgpuinfo wait --for bound --timeout 0.5".into(),
            7,
            "timeout",
        ),
        (
            "vgpuinfo wait --for usable --timeout 0.5".into(),
            7,
            "timeout",
        ),
        (
            "vgpuinfo wait --for gone --timeout 0.5".into(),
            7,
            "timeout",
        ),
        ("vgpuinfo command 5".into(), 5, "vgpu_stub is not bound"),
        ("vgpuinfo get pool_id --source sysfs".into(), 5, "vgpu_stub"),
        ("vgpuinfo doctor".into(), 8, "CONFIG_RUST"),
        (as_user("vgpuinfo get pci"), 0, "0000:00:06.0"),
        (as_user("vgpuinfo wait --timeout 5"), 0, "00:06.0"),
        (as_user("vgpuinfo get pool_id"), 4, "root"),
        (as_user("vgpuinfo list"), 4, "root"),
    ] {
        ends(&guest, &command, status, text)?;
    }
    guest.finish()
}

#[test]
fn a_device_that_comes_and_goes_is_announced_without_the_driver_too() -> Result<()> {
    let guest = guest("without-driver-plug", &[])?;
    ends(&guest, "vgpuinfo list", 3, "no vGPU device")?;
    let limit = scaled(Duration::from_secs(20));
    let mut wait = guest.spawn(&format!("vgpuinfo wait -v --timeout {}", limit.as_secs()))?;
    // Nothing is looked at again without a device but what is announced.
    let mut watch = guest.spawn("exec vgpuinfo watch --interval 0")?;
    guest.check("sleep 1")?;
    guest.plug(DEVICE)?;
    let waited = wait.wait_timeout(limit)?.context("it waits on")?;
    ensure!(waited.success(), "{waited:?}");
    ensure!(waited.text() == "0000:00:10.0", "{waited:?}");
    ensure!(!waited.errors().contains("looking again"), "{waited:?}");

    let line = watch.next_line(limit)?.context("it ended")?;
    let added: Value = serde_json::from_str(&line)?;
    ensure!(added["event"] == "added", "{added}");
    // Not every kernel enables a device that is plugged in while there is no driver.
    guest.check("setpci -s 00:10.0 COMMAND=2:2")?;
    ensure!(guest.check("vgpuinfo get pool_id")? == "B");
    guest.unplug("plugged", UNPLUG)?;
    let line = watch.next_line(limit)?.context("it ended")?;
    let gone: Value = serde_json::from_str(&line)?;
    ensure!(gone["event"] == "removed", "{gone}");
    guest.finish()
}
