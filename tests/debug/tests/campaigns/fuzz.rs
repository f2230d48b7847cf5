// SPDX-License-Identifier: GPL-2.0

//! Calls that make no sense.

use anyhow::Result;
use harness::Machine;
use vm_tests::{guest_with_driver, selftest};

use vm_tests::number;

#[test]
fn a_million_random_calls_do_no_harm() -> Result<()> {
    let calls = number("VGPU_CALLS", 1_000_000)?;
    let guest = guest_with_driver("fuzz", Machine::Pc, &["pool_id=B,priority=high,vm_id=200"])?;
    selftest(&guest, &format!("fuzz {calls}"))?;
    println!("{calls} calls");
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}
