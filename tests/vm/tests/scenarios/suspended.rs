// SPDX-License-Identifier: GPL-2.0

//! Commands that a machine falls asleep over.

use anyhow::{Context, Result, ensure};
use harness::Machine;
use vm_tests::{UNPLUG, guest_with_driver, wait_for};

use crate::power::suspend;

#[test]
fn a_command_goes_on_when_the_machine_wakes_up() -> Result<()> {
    // Done when the test says so, done in the middle of the night, and never done.
    let never = "vgpu-stub-hostile,revision=2,features=7,msix=on,pool-id=0x42,completes=on,\
                 command-latency-us=4294967295";
    let late = format!("{never},id=late");
    let devices = [&late, "revision=2,command-latency-us=2000000", never];
    let guest = guest_with_driver("suspended", Machine::Pc, &devices)?;
    let submit = |name: &str| guest.spawn(&format!("exec vgpuinfo command 7 {name} --timeout 250"));
    let submitters = [submit("vgpu0")?, submit("vgpu1")?];
    let submitted = |number: u32| {
        let look = "grep -l '0x0000000[12]' /sys/class/vgpu/*/status | wc -l";
        wait_for(&guest, &format!("[ $({look}) = {number} ]"))
    };
    submitted(2)?;
    let write = guest.spawn("exec bash -c 'echo 7 >/sys/class/vgpu/vgpu2/command'")?;
    submitted(3)?;
    suspend(&guest, "s2idle")?;

    for (property, value) in [("status", 1), ("completed", 1), ("irq-times", 1)] {
        guest.qmp().qom_set("late", property, value)?;
    }
    for (name, mut submitter) in ["vgpu0", "vgpu1"].into_iter().zip(submitters) {
        let output = submitter.wait_timeout(UNPLUG)?;
        let output = output.with_context(|| format!("{name}: it still waits"))?;
        ensure!(output.success(), "{name}: {output:?}");
    }
    // A write to an attribute holds locks that the sleep would wait for.
    let output = write.wait()?;
    ensure!(
        output.errors().contains("Interrupted system call"),
        "{output:?}"
    );
    guest.finish()
}
