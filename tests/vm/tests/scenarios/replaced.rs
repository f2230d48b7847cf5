// SPDX-License-Identifier: GPL-2.0

//! Devices that are not what they were, while the driver has them or after somebody else
//! had: reset, or no longer heard. The driver goes on with what is there.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, GuestBuilder, Machine, Running};
use serde_json::Value;
use vgpu::uapi::{VGPU_REG_IRQ_ENABLE, VGPU_REG_IRQ_STATUS};
use vm_tests::UNPLUG;

use crate::recovery::{
    BUSY, Device, Properties, REVISION_1, REVISION_2, WITHOUT_MSIX, in_slots, is_told_of_its_loss,
};

const LIMIT: Duration = Duration::from_secs(300);

/// The slot of the first port.
const FIRST_PORT: usize = 8;

/// Puts each of these devices behind a port of PCI Express of its own, which can reset it.
fn behind_ports(name: &str, devices: &[Properties]) -> GuestBuilder {
    let arguments = devices.iter().zip(FIRST_PORT..).flat_map(|(device, slot)| {
        let (argument, id) = (device.argument(), device.id);
        [
            format!("pcie-root-port,id=port-{id},bus=pcie.0,addr={slot:#x},chassis={slot}"),
            format!("{argument},bus=port-{id}"),
        ]
    });
    Guest::builder(name)
        .machine(Machine::Q35)
        .devices(arguments)
        .time_limit(LIMIT)
}

/// Takes the devices of a guest that are behind such ports.
fn found_behind_ports<'a>(guest: &'a Guest, devices: &[Properties]) -> Result<Vec<Device<'a>>> {
    let found = devices.iter().zip(FIRST_PORT..).map(|(device, slot)| {
        let port = format!("/sys/bus/pci/devices/0000:00:{slot:02x}.0");
        let address = guest.check(&format!("cd {port} && echo 0000:??:00.0"))?;
        Device::new(guest, *device, &address)
    });
    found.collect()
}

/// Resets a device behind the kernel's back, and gives it its place in the address space
/// again. MSI-X is off then.
const RESET_UNNOTICED: &str = "
    for register in BASE_ADDRESS_0 INTERRUPT_LINE COMMAND; do
        values=\"$values $register=$(setpci -s $device $register)\"
    done
    setpci -s $port BRIDGE_CONTROL=40:40 && sleep 0.1
    setpci -s $port BRIDGE_CONTROL=0:40 && sleep 0.1
    [ $(setpci -s $device COMMAND) = 0000 ] && setpci -s $device $values";

/// Fails unless the watch, which sleeps until something changes, tells the last change.
fn is_told_of(watch: &mut Running<'_>, device: &Device<'_>) -> Result<()> {
    loop {
        let line = watch.next_line(UNPLUG)?.context("the watch ended")?;
        let shown = &serde_json::from_str::<Value>(&line)?["device"];
        if shown["pci"] == device.address && shown["vm_id"] == device.properties.vm_id {
            return Ok(());
        }
    }
}

#[test]
fn a_device_that_was_reset_or_bound_again_is_right() -> Result<()> {
    let plugged = [REVISION_1, REVISION_2, WITHOUT_MSIX, BUSY];
    let guest = behind_ports("reset", &plugged).boot()?;
    guest.check("modprobe vgpu_stub")?;
    let mut devices = found_behind_ports(&guest, &plugged)?;
    for device in &devices {
        let method = format!("cat /sys/bus/pci/devices/{}/reset_method", device.address);
        ensure!(guest.check(&method)? == "bus", "another method");
    }
    let mut watch = guest.spawn("exec vgpuinfo watch --interval 0")?;
    for reset in ["reset", "../reset_subordinate"] {
        for device in &mut devices[..3] {
            device.write(reset, "1")?;
            device.is_right().context(reset)?;
        }
        let command = devices[3].start_command()?;
        devices[3].write(reset, "1")?;
        is_told_of_its_loss(command).context(reset)?;
        devices[3].shows_its_identity()?;
    }
    for device in &devices[1..3] {
        is_told_of(&mut watch, device)?;
    }
    for (device, slot) in devices.iter_mut().zip(FIRST_PORT..) {
        if [REVISION_1.id, WITHOUT_MSIX.id].contains(&device.properties.id) {
            let address = &device.address;
            let port = format!("0000:00:{slot:02x}.0");
            guest.check(&format!("device={address} port={port} {RESET_UNNOTICED}"))?;
            // Nobody knows, until a command comes.
            device.completes_unheard()?;
            device
                .is_right()
                .context("after a reset that nobody noticed")?;
        }
    }
    for device in &mut devices[..2] {
        let address = device.address.clone();
        device.write("driver/unbind", &address)?;
        guest.check(&format!(
            "echo {address} >/sys/bus/pci/drivers/vgpu_stub/bind"
        ))?;
        device.is_right().context("after it was bound again")?;
    }
    guest.finish()
}

#[test]
fn a_device_that_another_driver_passed_through_is_right_again() -> Result<()> {
    let plugged = [REVISION_1, REVISION_2];
    let guest = behind_ports("vfio", &plugged)
        .qemu_arguments(["-device", "intel-iommu"])
        .boot()?;
    guest.check("modprobe vfio-pci && modprobe vgpu_stub")?;
    for mut device in found_behind_ports(&guest, &plugged)? {
        let address = device.address.clone();
        for driver in ["vfio-pci", "vgpu_stub"] {
            device.write("driver_override", driver)?;
            device.write("driver/unbind", &address)?;
            guest.check(&format!("echo {address} >/sys/bus/pci/drivers_probe"))?;
            if driver == "vfio-pci" {
                guest.check(&format!("vgpu-vfio {address}"))?;
            }
        }
        device.is_right()?;
    }
    guest.finish()
}

/// Has a device send no interrupts, and send them again.
const MSIX: [&str; 2] = ["CAP_MSIX+2.w=0:8000", "CAP_MSIX+2.w=8000:8000"];
const PIN: [&str; 2] = ["COMMAND=400:400", "COMMAND=0:400"];

#[test]
fn an_interrupt_that_is_lost_is_the_last_one_that_is() -> Result<()> {
    let plugged = [REVISION_2, WITHOUT_MSIX];
    let guest = Guest::builder("lost-interrupts")
        .devices(plugged.map(|it| it.argument()))
        // The registers are the driver's, and are to be reached beside it.
        .kernel_arguments("iomem=relaxed")
        .time_limit(LIMIT)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    for (mut device, [off, on]) in in_slots(&guest, &plugged)?.into_iter().zip([MSIX, PIN]) {
        device.write_register(VGPU_REG_IRQ_ENABLE, 0)?;
        device.change()?;
        device.completes_unheard().context("interrupts are off")?;
        device.is_right().context("interrupts were off")?;

        device.configure(off)?;
        device.change()?;
        device.completes_unheard_and(|| {
            // Nothing is sent later either.
            device.write_register(VGPU_REG_IRQ_STATUS, !0)?;
            device.configure(on)
        })?;
        device.is_right().context("the line was off")?;
    }
    guest.finish()
}
