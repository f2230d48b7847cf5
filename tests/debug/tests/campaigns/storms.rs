// SPDX-License-Identifier: GPL-2.0

//! Everything at once.

use anyhow::{Context, Result, ensure};
use harness::{Machine, ktap};
use vm_tests::{SELFTESTS, UNPLUG, guest_with_driver, on_each_machine};

use vm_tests::number;

on_each_machine!(eight_threads_get_through_while_devices_and_the_module_come_and_go);

fn eight_threads_get_through_while_devices_and_the_module_come_and_go(
    machine: Machine,
) -> Result<()> {
    let seconds = number("VGPU_STORM", 60)?;
    let live = "revision=2,command-latency-us=2000,id=live,addr=7";
    let guest = guest_with_driver("storm", machine, &["pool_id=A", live])?;
    let mut storm = guest.spawn(&format!("{SELFTESTS}/storm {seconds}"))?;
    let mut plugs = 0_u32;
    while !storm.has_ended()? {
        guest.plug("pool_id=B,vm_id=2,id=plugged")?;
        guest.unplug("plugged", UNPLUG)?;
        plugs += 1;
        // The one that stays changes meanwhile.
        guest
            .qmp()
            .qom_set("/machine/peripheral/live", "vm_id", i64::from(plugs))?;
    }
    let output = storm.wait()?;
    let text = output.text();
    println!("{text}\n# {plugs} times plugged and unplugged");
    ktap::Report::parse(&text).check(false).context(text)?;
    ensure!(plugs > 0, "the storm was over before a device came");
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}
