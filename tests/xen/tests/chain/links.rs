// SPDX-License-Identifier: GPL-2.0

//! The seven links of the guide's chain, each by itself, for a VM that its
//! operator gave a device by the typed key.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::site::Site;
use crate::values::DEVICE;

pub(crate) fn link_1_xenstore_stores_the_key(site: &Site) -> Result<()> {
    let key = site.one()?.facts.key.get()?;
    ensure!(key == DEVICE, "{key}");
    Ok(())
}

/// The argument of `-device` that stands for the device.
fn argument(words: &[String]) -> Option<&str> {
    match words {
        [.., option, device] if option == "-device" => Some(device),
        _ => None,
    }
}

fn is_the_device(argument: Option<&str>) -> bool {
    argument.is_some_and(|argument| argument.starts_with(&format!("vgpu-stub,{DEVICE},")))
}

pub(crate) fn link_2_the_hook_reads_it_and_adds_the_device(site: &Site) -> Result<()> {
    let facts = &site.one()?.facts;
    let words = facts.wrapper.get()?;
    ensure!(is_the_device(argument(words)), "{words:#?}");
    // What was there before is there still.
    ensure!(
        words.get(1).is_some_and(|word| word == "--syslog"),
        "{words:#?}"
    );
    ensure!(words.iter().any(|word| word == "-xen-domid"), "{words:#?}");
    let log = facts.log.get()?;
    ensure!(
        log.contains(&format!("adding -device vgpu-stub,{DEVICE}")),
        "{log}"
    );
    Ok(())
}

pub(crate) fn link_3_qemu_gets_the_argument_and_makes_the_device(site: &Site) -> Result<()> {
    let facts = &site.one()?.facts;
    let words = facts.process.get()?;
    ensure!(is_the_device(argument(words)), "{words:#?}");
    let qtree = facts.qtree.get()?;
    ensure!(qtree.matches("dev: vgpu-stub, ").count() == 1, "{qtree}");
    for property in [r#"pool_id = "B""#, r#"priority = "high""#, "vm_id = 200 "] {
        ensure!(qtree.contains(property), "no {property}: {qtree}");
    }
    Ok(())
}

pub(crate) fn link_4_the_device_is_on_the_guests_pci_bus_with_its_class(site: &Site) -> Result<()> {
    let facts = &site.one()?.facts;
    let numeric = facts.lspci_numeric.get()?;
    ensure!(numeric.lines().count() == 1, "{numeric}");
    ensure!(numeric.ends_with(" 1200: 1af4:1111 (rev 01)"), "{numeric}");
    let name = facts.lspci.get()?;
    let wanted = " Processing accelerators: Red Hat, Inc. Device 1111 (rev 01)";
    ensure!(name.ends_with(wanted), "{name}");
    Ok(())
}

pub(crate) fn link_5_4_kib_of_registers_are_mapped_in_the_guest(site: &Site) -> Result<()> {
    let verbose = site.one()?.facts.lspci_verbose.get()?;
    let mut lines = verbose.lines();
    let region = lines.find(|line| line.contains("Region 0: Memory at "));
    let mapped = region.is_some_and(|line| {
        line.ends_with("(32-bit, non-prefetchable) [size=4K]") && !line.contains("unassigned")
    });
    ensure!(mapped, "{verbose}");
    Ok(())
}

fn has_the_values(device: &Value) -> bool {
    device["pool_id"] == "B"
        && device["priority"] == "high"
        && device["priority_raw"] == 2
        && device["vm_id"] == 200
}

pub(crate) fn link_6_the_registers_hold_the_values(site: &Site) -> Result<()> {
    let device = site.one()?.facts.registers.get()?;
    ensure!(device["driver"] == Value::Null, "{device}");
    ensure!(has_the_values(device), "{device}");
    Ok(())
}

pub(crate) fn link_7_the_guests_software_reads_the_values(site: &Site) -> Result<()> {
    let facts = &site.one()?.facts;
    let attributes = facts.attributes.get()?;
    ensure!(attributes == "B\nhigh\n200", "{attributes}");
    let device = facts.with_driver.get()?;
    ensure!(device["driver"] == "vgpu_stub", "{device}");
    ensure!(has_the_values(device), "{device}");
    facts.kernel_log.get()?;
    Ok(())
}

pub(crate) fn a_reboot_of_the_guest_keeps_the_values(site: &Site) -> Result<()> {
    let vm = &site.one()?.vm;
    // After the last boot nobody has asked for the driver.
    vm.reboot()?;
    let loaded = vm.run("ls /sys/class/vgpu")?;
    ensure!(
        !loaded.success(),
        "this is the boot before: {}",
        loaded.text()
    );
    vm.check("modprobe vgpu_stub")?;
    let device = crate::facts::device(vm.check("vgpuinfo -J")?)?;
    ensure!(has_the_values(&device), "{device}");
    vm.check_kernel_log()
}
