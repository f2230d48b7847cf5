// SPDX-License-Identifier: GPL-2.0

//! The programs of tests/selftests, at the counts that their promises name.

use anyhow::{Result, ensure};
use harness::Machine;
use vm_tests::{guest_with_driver, on_each_machine, quietly, releases_late, selftest};

const DEVICE: &str = "pool_id=B,priority=high,vm_id=200";

on_each_machine!(
    all_selftests_hold,
    the_device_survives_a_hundred_rounds_of_unbind_under_load,
    the_module_survives_fifty_rounds_of_loading,
);

fn all_selftests_hold(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("selftests", machine, &[DEVICE])?;
    selftest(&guest, "run_tests.sh")?;
    guest.finish()
}

fn the_device_survives_a_hundred_rounds_of_unbind_under_load(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("unbind", machine, &[DEVICE])?;
    quietly(&guest, || selftest(&guest, "removal unbind 100"))?;
    let enabled = guest.check("cat /sys/bus/pci/devices/0000:00:06.0/enable")?;
    ensure!(enabled == "1", "the device is enabled {enabled} times");
    guest.finish()
}

fn the_module_survives_fifty_rounds_of_loading(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("module", machine, &[DEVICE])?;
    // The end of a module waits for what is released late.
    let rounds = if releases_late(&guest)? { 5 } else { 50 };
    quietly(&guest, || selftest(&guest, &format!("module.sh {rounds}")))?;
    guest.finish()
}
