// SPDX-License-Identifier: GPL-2.0

//! What the guest shows, collected in the order in which one would look: first
//! without the driver, then with it.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};
use harness::{Artifacts, Guest, Output};
use serde_json::Value;

/// The device of the guide's example.
pub(crate) const DEVICE: &str = "pool_id=B,priority=high,vm_id=200";

/// The attributes in sysfs, in the order in which they are shown.
pub(crate) const ATTRIBUTES: [&str; 5] = ["pool_id", "priority", "vm_id", "command", "status"];

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// `-device help` of QEMU.
    pub(crate) device_help: String,
    /// The properties that the running QEMU says the device has.
    pub(crate) qemu_properties: String,
    /// `uname -r` in the guest, and what it should be.
    pub(crate) release: String,
    pub(crate) expected_release: String,
    /// `lspci -nn` and `lspci -vvv` of the device.
    pub(crate) lspci: String,
    pub(crate) lspci_verbose: String,
    /// The device in `vgpuinfo -J --source bar` before the driver is there.
    pub(crate) bar: Value,
    /// The name of the driver that is bound.
    pub(crate) driver: String,
    /// The attributes in sysfs, a line each.
    pub(crate) attributes: String,
    /// `vgpuinfo`, and the device in `vgpuinfo -J`.
    pub(crate) table: String,
    pub(crate) json: Value,
    /// What the kernel complained about.
    pub(crate) complaints: Option<String>,
}

impl Facts {
    /// Looks at everything, and prints what an administrator would type and see.
    ///
    /// # Errors
    ///
    /// The guest died. A command that fails is a fact like any other.
    pub(crate) fn collect(guest: &Guest, artifacts: &Artifacts) -> Result<Self> {
        let mut facts = Self {
            device_help: qemu(artifacts, &["-device", "help"])?,
            qemu_properties: qemu_properties(guest)?,
            release: guest.release().to_owned(),
            expected_release: artifacts.release.clone(),
            lspci: show(guest, "lspci -nn -s 00:06.0")?.text(),
            lspci_verbose: guest.run("lspci -vvv -s 00:06.0")?.text(),
            bar: device(&guest.run("vgpuinfo -J --source bar")?),
            ..Self::default()
        };
        show(guest, "modprobe vgpu_stub")?;
        // The shell that commands of the harness run in knows no braces, a person's does.
        let cat = format!("cat /sys/class/vgpu/vgpu0/{{{}}}", ATTRIBUTES.join(","));
        let output = guest.run(&format!("bash -c '{cat}'"))?;
        print(&cat, &output);
        facts.attributes = output.text();
        facts.table = show(guest, "vgpuinfo")?.text();
        facts.json = device(&show(guest, "vgpuinfo -J")?);
        let driver = "basename \"$(readlink /sys/bus/pci/devices/0000:00:06.0/driver)\"";
        facts.driver = guest.run(driver)?.text();
        facts.complaints = guest
            .check_kernel_log()
            .err()
            .map(|error| error.to_string());
        Ok(facts)
    }
}

/// Runs a command and shows it with what it prints, as on a terminal.
fn show(guest: &Guest, command: &str) -> Result<Output> {
    let output = guest.run(command)?;
    print(command, &output);
    Ok(output)
}

fn print(command: &str, output: &Output) {
    println!("# {command}");
    for text in [output.text(), output.errors()] {
        if !text.is_empty() {
            println!("{text}");
        }
    }
    println!();
}

/// What QEMU prints with these arguments. They end it before it loads its plugins, unless
/// those are there from its beginning.
fn qemu(artifacts: &Artifacts, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(&artifacts.qemu);
    if !artifacts.plugins.is_empty() {
        command.env("LD_PRELOAD", env::join_paths(&artifacts.plugins)?);
    }
    let output = command
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {}", artifacts.qemu.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The version of QEMU, and of its package if it is of one.
pub(crate) fn qemu_version(artifacts: &Artifacts) -> Result<String> {
    let output = qemu(artifacts, &["--version"])?;
    let line = output.lines().next().unwrap_or_default();
    Ok(line.replace(" emulator version", ""))
}

/// The properties as QEMU has them, in the order of [`DEVICE`].
fn qemu_properties(guest: &Guest) -> Result<String> {
    let mut all = Vec::new();
    for name in ["pool_id", "priority", "vm_id"] {
        let value = guest.qmp().qom_get("vgpu0", name)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        all.push(format!("{name}={text}"));
    }
    Ok(all.join(","))
}

/// The one device in a JSON document of vgpuinfo, or null.
fn device(output: &Output) -> Value {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    document.pointer("/devices/0").cloned().unwrap_or_default()
}
