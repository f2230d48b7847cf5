// SPDX-License-Identifier: GPL-2.0

//! What the host says arrives, everywhere it can be read.

use anyhow::{Result, ensure};
use harness::{Guest, Machine};
use vm_tests::{SELFTESTS, guest, on_each_machine};

on_each_machine!(
    the_guides_usage_examples_arrive_in_sysfs_vgpuinfo_and_bar0,
    lspci_shows_the_device_of_the_guide,
    identity_is_read_without_touching_the_device,
    a_reset_clears_the_command_and_keeps_the_identity,
);

/// The guide's usage examples: properties, pool, priority, VM id.
const EXAMPLES: [(&str, [&str; 3]); 5] = [
    ("", ["A", "medium", "0"]),
    ("pool_id=B,priority=high,vm_id=100", ["B", "high", "100"]),
    ("pool_id=A,priority=low,vm_id=42", ["A", "low", "42"]),
    // The fourth one has two devices.
    ("pool_id=A", ["A", "medium", "0"]),
    ("pool_id=B", ["B", "medium", "0"]),
];

fn the_guides_usage_examples_arrive_in_sysfs_vgpuinfo_and_bar0(machine: Machine) -> Result<()> {
    let devices = EXAMPLES.map(|(properties, _)| properties);
    let guest = guest("examples", machine, &devices)?;
    let addresses = (6..).map(|slot| format!("0000:00:{slot:02x}.0"));

    // Before the driver is there, only BAR0 can say it.
    for (address, (_, expected)) in addresses.clone().zip(EXAMPLES) {
        ensure!(
            by_vgpuinfo(&guest, &address, "bar")? == expected,
            "{address} in BAR0"
        );
        ensure!(
            by_vgpuinfo(&guest, &address, "auto")? == expected,
            "{address} without driver"
        );
    }

    guest.check("modprobe vgpu_stub")?;
    for (address, (_, expected)) in addresses.zip(EXAMPLES) {
        let dir = format!("/sys/bus/pci/devices/{address}/vgpu/vgpu*");
        let sysfs = guest.check(&format!("cat {dir}/pool_id {dir}/priority {dir}/vm_id"))?;
        ensure!(sysfs.lines().eq(expected), "{address} in sysfs: {sysfs}");
        for source in ["auto", "sysfs", "chardev"] {
            let said = by_vgpuinfo(&guest, &address, source)?;
            ensure!(said == expected, "{address} by {source}: {said:?}");
        }
    }
    guest.finish()
}

fn by_vgpuinfo(guest: &Guest, address: &str, source: &str) -> Result<[String; 3]> {
    let get = |field: &str| {
        guest.check(&format!(
            "vgpuinfo get {field} -d {address} --source {source}"
        ))
    };
    Ok([get("pool_id")?, get("priority")?, get("vm_id")?])
}

fn lspci_shows_the_device_of_the_guide(machine: Machine) -> Result<()> {
    let guest = guest(
        "lspci",
        machine,
        &["revision=1,pool_id=B,priority=high,vm_id=200"],
    )?;

    let line = guest.check("lspci -nn -s 00:06.0")?;
    ensure!(
        line.starts_with("00:06.0 Processing accelerators [1200]: Red Hat, Inc. ")
            && line.ends_with(" [1af4:1111] (rev 01)"),
        "{line}"
    );
    let long = guest.check("lspci -vvv -s 00:06.0")?;
    ensure!(long.contains("Subsystem: Red Hat, Inc."), "{long}");
    ensure!(
        long.contains("Region 0: Memory at ")
            && long.contains(" (32-bit, non-prefetchable) [size=4K]"),
        "{long}"
    );
    ensure!(long.contains("Interrupt: pin A routed to IRQ "), "{long}");

    // The guide's own program, with the driver unloaded.
    let printed = guest.check(&format!("{SELFTESTS}/guide_test_vgpu"))?;
    ensure!(
        printed.lines().eq([
            "=== vGPU Stub Properties ===",
            "Pool ID:  'B' (expected: 'B')",
            "Priority: 2 (expected: 2=high)",
            "VM ID:    200 (expected: 200)",
        ]),
        "{printed}"
    );
    guest.finish()
}

/// How often BAR0 was read or written while a command ran.
fn accesses(guest: &Guest, command: &str) -> Result<usize> {
    let count = || guest.qemu_log().matches("'vgpu-stub-mmio'").count();
    guest.qmp().trace("memory_region_ops_*", true)?;
    let before = count();
    guest.check(command)?;
    guest.qmp().trace("memory_region_ops_*", false)?;
    Ok(count() - before)
}

fn identity_is_read_without_touching_the_device(machine: Machine) -> Result<()> {
    let guest = guest("quiet", machine, &["pool_id=B"])?;
    guest.check("modprobe vgpu_stub")?;

    let identity = accesses(
        &guest,
        "cd /sys/class/vgpu/vgpu0; for i in 1 2 3; do cat pool_id priority vm_id uevent; done",
    )?;
    ensure!(identity == 0, "{identity} accesses for the identity");
    // That the count would not be 0 if there were any.
    let status = accesses(&guest, "cat /sys/class/vgpu/vgpu0/status")?;
    ensure!(status == 1, "{status} accesses for the status");
    guest.finish()
}

fn a_reset_clears_the_command_and_keeps_the_identity(machine: Machine) -> Result<()> {
    let guest = guest("reset", machine, &["pool_id=B,priority=low,vm_id=7"])?;
    guest.check("modprobe vgpu_stub && echo 5 >/sys/class/vgpu/vgpu0/command")?;
    let show = "cd /sys/class/vgpu/vgpu0 && echo $(cat pool_id priority vm_id command status)";
    let before = guest.check(show)?;
    ensure!(before == "B low 7 0x00000005 0x00000001", "{before}");

    guest.reset()?;
    guest.check("modprobe vgpu_stub")?;
    let after = guest.check(show)?;
    ensure!(after == "B low 7 0x00000000 0x00000000", "{after}");
    guest.finish()
}
