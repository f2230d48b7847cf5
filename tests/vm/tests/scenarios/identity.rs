// SPDX-License-Identifier: GPL-2.0

//! What the host says arrives, everywhere it can be read.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine, Running};
use vm_tests::{SELFTESTS, UNPLUG, guest, guest_with_driver, on_each_machine, wait_for};

on_each_machine!(
    the_guides_usage_examples_arrive_in_sysfs_vgpuinfo_and_bar0,
    lspci_shows_the_device_of_the_guide,
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

/// A program in the guest that has found a device once, and does with what it found
/// what it is told to.
struct Held<'a> {
    guest: &'a Guest,
    running: Running<'a>,
    orders: String,
}

impl<'a> Held<'a> {
    fn new(guest: &'a Guest, address: &str, name: &str) -> Result<Self> {
        let orders = format!("/tmp/{address}-{name}");
        guest.check(&format!("mkfifo {orders}"))?;
        // Open for writing, too: no order is the last one.
        let running = guest.spawn(&format!("exec vgpu-held {address} <>{orders}"))?;
        let mut held = Held {
            guest,
            running,
            orders,
        };
        let found = held.next_line()?;
        ensure!(found == name, "{address} is {found}, not {name}");
        Ok(held)
    }

    fn next_line(&mut self) -> Result<String> {
        let line = self.running.next_line(Duration::from_secs(30))?;
        line.context("it has ended")
    }

    /// Gives an order, which must be answered like that.
    fn answers(&mut self, order: &str, expected: &str) -> Result<()> {
        self.guest
            .check(&format!("echo {order} >{}", self.orders))?;
        let answer = self.next_line()?;
        ensure!(answer == expected, "{order}: {answer}, not {expected}");
        Ok(())
    }

    /// Nothing that can be done with the device can be done any more.
    fn refuses_all(&mut self, kind: &str) -> Result<()> {
        for order in ["read sysfs", "read chardev"] {
            self.answers(order, kind)?;
        }
        for order in ["submit 7 auto", "submit 7 sysfs", "submit 7 chardev"] {
            self.answers(order, kind)?;
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        self.running.kill()?;
        self.running.wait()?;
        Ok(())
    }
}

/// Fails unless the device with that name was never commanded.
fn was_left_alone(guest: &Guest, name: &str) -> Result<()> {
    let command = guest.check(&format!("cat /sys/class/vgpu/{name}/command"))?;
    ensure!(command == "0x00000000", "{name} was commanded: {command}");
    Ok(())
}

#[test]
fn a_handle_stays_with_its_device_whoever_has_the_name_by_now() -> Result<()> {
    let devices = ["pool_id=A,vm_id=6", "pool_id=B,vm_id=7"];
    let guest = guest_with_driver("held", Machine::Pc, &devices)?;
    let [first, second] = ["0000:00:06.0", "0000:00:07.0"];
    let mut held = Held::new(&guest, first, "vgpu0")?;
    for source in ["sysfs", "chardev"] {
        held.answers(&format!("read {source}"), &format!("A medium 6 {source}"))?;
    }

    // Its name moves to the other device.
    let driver = "cd /sys/bus/pci/drivers/vgpu_stub";
    guest.check(&format!(
        "{driver} && echo {first} >unbind && echo {second} >unbind && echo {second} >bind"
    ))?;
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/vm_id")? == "7");
    held.refuses_all("driver_needed")?;
    held.answers("read auto", "A medium 6 bar")?;

    // And it gets another one.
    guest.check(&format!("{driver} && echo {first} >bind"))?;
    held.answers("read auto", "A medium 6 sysfs")?;
    held.answers("submit 9 auto", "chardev 1")?;
    let command = guest.check("cat /sys/class/vgpu/vgpu1/command")?;
    ensure!(command == "0x00000009", "{command}");

    // What is in the place of its node is the other one's.
    guest.check("mv /dev/vgpu0 /dev/vgpu1")?;
    held.answers("read chardev", "wrong_node")?;
    held.answers("submit 8 chardev", "wrong_node")?;
    held.answers("submit 8 auto", "sysfs 1")?;
    let document = guest.run("vgpuinfo doctor -J -d vgpu1")?.text();
    ensure!(document.contains("\"wrong_node\""), "{document}");
    // Or nobody's.
    guest.check(
        "rm /dev/vgpu1 && mknod /dev/vgpu1 c $(sed s/:.*// </sys/class/vgpu/vgpu1/dev) 200",
    )?;
    held.answers("read chardev", "wrong_node")?;
    held.end()?;
    was_left_alone(&guest, "vgpu0")?;

    // Its address and its name are those of a device that was plugged in since.
    guest.plug("pool_id=A,vm_id=1,id=plugged")?;
    wait_for(&guest, "[ -c /dev/vgpu2 ]")?;
    let address = "cat /sys/class/vgpu/vgpu2/device/uevent | sed -n s/PCI_SLOT_NAME=//p";
    let address = guest.check(address)?;
    let mut held = Held::new(&guest, &address, "vgpu2")?;
    guest.unplug("plugged", UNPLUG)?;
    guest.plug("pool_id=B,vm_id=2,id=plugged")?;
    let again = format!("[ -c /dev/vgpu2 ] && [ -e /sys/bus/pci/devices/{address}/vgpu/vgpu2 ]");
    wait_for(&guest, &again)?;
    held.refuses_all("gone")?;
    held.answers("read auto", "gone")?;
    held.answers("read bar", "gone")?;
    held.end()?;
    was_left_alone(&guest, "vgpu2")?;

    // It does not keep the module.
    let mut held = Held::new(&guest, first, "vgpu1")?;
    guest.check("rmmod vgpu_stub")?;
    held.refuses_all("driver_needed")?;
    held.end()?;
    guest.finish()
}
