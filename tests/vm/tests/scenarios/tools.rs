// SPDX-License-Identifier: GPL-2.0

//! vgpuinfo in guests: with the driver, without it, without a device, without rights.

use anyhow::{Result, ensure};
use harness::{Guest, Machine, Output, default_revision};
use serde_json::Value;
use vm_tests::{guest, on_each_machine};

on_each_machine!(
    a_guest_without_a_device_is_told_so,
    vgpuinfo_says_the_same_with_and_without_the_driver,
    a_user_may_read_the_attributes_and_not_open_the_node,
);

fn a_guest_without_a_device_is_told_so(machine: Machine) -> Result<()> {
    let guest = guest("none", machine, &[])?;
    for module in ["true", "modprobe vgpu_stub"] {
        guest.check(module)?;
        for command in ["vgpuinfo", "vgpuinfo list", "vgpuinfo get pool_id"] {
            let output = guest.run(command)?;
            ensure!(
                output.status() == Some(3),
                "{command}: {:?}",
                output.status()
            );
            ensure!(output.text().is_empty(), "{command}: {}", output.text());
            ensure!(!output.errors().is_empty(), "{command} says nothing");
        }
    }
    guest.finish()
}

fn json(guest: &Guest, command: &str) -> Result<Value> {
    Ok(serde_json::from_str(&guest.check(command)?)?)
}

fn vgpuinfo_says_the_same_with_and_without_the_driver(machine: Machine) -> Result<()> {
    let guest = guest("same", machine, &["pool_id=B,priority=high,vm_id=200"])?;
    let without = json(&guest, "vgpuinfo -J")?;
    guest.check("modprobe vgpu_stub")?;
    let with = json(&guest, "vgpuinfo -J")?;

    for (document, driver, name) in [
        (&without, Value::Null, Value::Null),
        (&with, "vgpu_stub".into(), "vgpu0".into()),
    ] {
        let device = &document["devices"][0];
        ensure!(document["schema"] == 1, "{document}");
        ensure!(
            document["devices"].as_array().map(Vec::len) == Some(1),
            "{document}"
        );
        ensure!(
            device["driver"] == driver && device["name"] == name,
            "{document}"
        );
        ensure!(device["pci"] == "0000:00:06.0", "{document}");
        ensure!(
            device["pool_id"] == "B" && device["priority"] == "high",
            "{document}"
        );
        ensure!(
            device["priority_raw"] == 2 && device["vm_id"] == 200,
            "{document}"
        );
        ensure!(
            device["command"] == 0 && device["status"] == 0,
            "{document}"
        );
        ensure!(device["revision"] == default_revision()?, "{document}");
    }

    let table = guest.check("vgpuinfo")?;
    let fields: Vec<&str> = table
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    ensure!(
        fields
            == [
                "vgpu0",
                "0000:00:06.0",
                "B",
                "high",
                "200",
                "0x00000000",
                "vgpu_stub"
            ],
        "{table}"
    );

    guest.check("vgpuinfo command 0x2a")?;
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/command")? == "0x0000002a");
    // With a bound driver the kernel keeps BAR0 to itself, and says so.
    let bar = guest.run("vgpuinfo --source bar")?;
    ensure!(
        !bar.success() && bar.errors().contains("vgpu_stub"),
        "{}",
        bar.errors()
    );
    guest.finish()
}

fn as_user(guest: &Guest, command: &str) -> Result<Output> {
    guest.run(&format!("su user -c '{command}'"))
}

fn a_user_may_read_the_attributes_and_not_open_the_node(machine: Machine) -> Result<()> {
    let guest = guest("user", machine, &["pool_id=B,vm_id=9"])?;
    // Without the driver there is only BAR0, which is root's.
    let output = as_user(&guest, "vgpuinfo get pool_id")?;
    ensure!(
        output.status() == Some(4),
        "{:?} {}",
        output.status(),
        output.errors()
    );

    guest.check("modprobe vgpu_stub")?;
    for (command, expected) in [
        ("cat /sys/class/vgpu/vgpu0/pool_id", "B"),
        ("cat /sys/class/vgpu/vgpu0/status", "0x00000000"),
        ("vgpuinfo get vm_id", "9"),
    ] {
        let output = as_user(&guest, command)?;
        ensure!(
            output.success() && output.text() == expected,
            "{command}: {}",
            output.errors()
        );
    }
    let output = as_user(&guest, "echo 1 >/sys/class/vgpu/vgpu0/command")?;
    ensure!(!output.success() && output.errors().contains("Permission denied"));
    ensure!(!as_user(&guest, "cat /dev/vgpu0")?.success());
    let output = as_user(&guest, "vgpuinfo get pool_id --source chardev")?;
    ensure!(
        output.status() == Some(4),
        "{:?} {}",
        output.status(),
        output.errors()
    );
    ensure!(
        output.errors().contains("run as root"),
        "no hint: {}",
        output.errors()
    );
    guest.finish()
}
