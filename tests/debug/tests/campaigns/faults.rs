// SPDX-License-Identifier: GPL-2.0

//! Every allocation fails once.

use anyhow::Result;
use harness::Machine;
use vm_tests::{guest, guest_with_driver, on_each_machine, selftest};

on_each_machine!(
    no_failure_to_bind_or_to_use_a_device_leaves_anything,
    no_failure_to_load_the_module_leaves_anything,
);

fn no_failure_to_bind_or_to_use_a_device_leaves_anything(machine: Machine) -> Result<()> {
    let guest = guest_with_driver("faults-device", machine, &["pool_id=B"])?;
    selftest(&guest, "faults device")?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

fn no_failure_to_load_the_module_leaves_anything(machine: Machine) -> Result<()> {
    let guest = guest("faults-module", machine, &[])?;
    selftest(&guest, "faults module")?;
    guest.finish()
}
