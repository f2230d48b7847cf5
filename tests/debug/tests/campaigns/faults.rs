// SPDX-License-Identifier: GPL-2.0

//! Every allocation fails once.

use std::time::Duration;

use anyhow::Result;
use harness::{Guest, Machine};
use vm_tests::{guest, selftest};

/// Some two hundred allocations fail, and each time the driver is bound again.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_failure_to_load_the_module_leaves_nothing() -> Result<()> {
    let guest = guest("faults-module", Machine::Pc, &[])?;
    selftest(&guest, "faults module")?;
    guest.finish()
}

#[test]
fn no_failure_to_bind_or_to_use_a_device_leaves_anything() -> Result<()> {
    device("faults-1", "revision=1,pool_id=B")
}

#[test]
fn no_failure_of_one_that_interrupts_does() -> Result<()> {
    device("faults-2", "revision=2,pool_id=B")
}

/// Its changes are to be told while half of what tells them is there, or is taken apart.
#[test]
fn no_failure_of_one_that_interrupts_all_the_time_does() -> Result<()> {
    device(
        "faults-busy",
        "vgpu-stub-hostile,revision=2,features=7,msix=on,pool-id=0x42,completes=on,irq-bits=2,\
         irq-obeys-enable=off,irq-period-us=2000,irq-times=4294967295",
    )
}

fn device(name: &str, device: &str) -> Result<()> {
    let guest = Guest::builder(name)
        .device(device)
        // Most allocations would be the firmware's, for its word on the interrupt.
        .kernel_arguments("pci=noacpi")
        .time_limit(LIMIT)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    selftest(&guest, "faults device")?;
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}
