// SPDX-License-Identifier: GPL-2.0

//! Every allocation fails once.

use anyhow::Result;
use harness::Machine;
use vm_tests::{guest, guest_with_driver, on_each_machine, selftest};

on_each_machine!(
    no_failure_to_bind_or_to_use_a_device_leaves_anything,
    no_failure_of_one_that_interrupts_does,
);

fn no_failure_to_bind_or_to_use_a_device_leaves_anything(machine: Machine) -> Result<()> {
    device("faults-1", machine, "revision=1,pool_id=B")
}

fn no_failure_of_one_that_interrupts_does(machine: Machine) -> Result<()> {
    device("faults-2", machine, "revision=2,pool_id=B")
}

fn device(name: &str, machine: Machine, device: &str) -> Result<()> {
    let guest = guest_with_driver(name, machine, &[device])?;
    selftest(&guest, "faults device")?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

// No machine has a part in it.
#[test]
fn no_failure_to_load_the_module_leaves_anything() -> Result<()> {
    let guest = guest("faults-module", Machine::Pc, &[])?;
    selftest(&guest, "faults module")?;
    guest.finish()
}
