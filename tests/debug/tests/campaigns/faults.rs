// SPDX-License-Identifier: GPL-2.0

//! Every allocation fails once.

use std::time::Duration;

use anyhow::Result;
use harness::{Guest, Machine};
use vm_tests::{guest, on_each_machine, selftest};

/// Some two hundred allocations fail, and each time the driver is bound again.
const LIMIT: Duration = Duration::from_secs(300);

on_each_machine!(
    no_failure_to_bind_or_to_use_a_device_leaves_anything,
    no_failure_of_one_that_interrupts_does,
);

fn no_failure_to_bind_or_to_use_a_device_leaves_anything(machine: Machine) -> Result<()> {
    device("faults-1", machine, "revision=1,pool_id=B", "")
}

fn no_failure_of_one_that_interrupts_does(machine: Machine) -> Result<()> {
    device("faults-2", machine, "revision=2,pool_id=B", "pci=noacpi")
}

fn device(name: &str, machine: Machine, device: &str, kernel: &str) -> Result<()> {
    let guest = Guest::builder(&format!("{name}-{machine}"))
        .machine(machine)
        .device(device)
        .kernel_arguments(kernel)
        .time_limit(LIMIT)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
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
