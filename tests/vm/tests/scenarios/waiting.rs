// SPDX-License-Identifier: GPL-2.0

//! Calls that wait for a device: they end when they have to whatever it does, and those
//! of many callers do not get in each other's way.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use harness::{Guest, Machine};
use vm_tests::{guest_with_driver, quietly, selftest};

#[test]
fn a_call_ends_in_time_whatever_the_device_does() -> Result<()> {
    const LIAR: &str = "vgpu-stub-hostile,pool-id=0x42";
    const NEVER: &str = "revision=2,features=7,completes=on,command-latency-us=4294967295";
    // By vectors, by the line, and without interrupts.
    let quiet = [
        format!("{LIAR},{NEVER},msix=on"),
        format!("{LIAR},{NEVER}"),
        format!("{LIAR},{NEVER},intx=off"),
        LIAR.to_owned(),
    ];
    // At each look at the status, for a command that is not done.
    let storms = [
        format!("{LIAR},{NEVER},irq-at-reads=0x004"),
        format!("{LIAR},{NEVER},irq-at-reads=0x004,msix=on"),
    ];
    let guest = Guest::builder("deadline")
        // Who does not sleep keeps it from everybody else.
        .processors(1)
        .devices(quiet.iter().chain(&storms))
        .time_limit(Duration::from_secs(300))
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    quietly(&guest, || {
        let guest = &guest;
        thread::scope(|scope| {
            let tests: Vec<_> = (0..quiet.len())
                .map(|n| {
                    scope.spawn(move || selftest(guest, &format!("deadline vgpu{n} attribute")))
                })
                .collect();
            tests
                .into_iter()
                .try_for_each(|test| test.join().expect("the test does not panic"))
        })?;
        for n in quiet.len()..quiet.len() + storms.len() {
            selftest(guest, &format!("deadline vgpu{n}"))?;
        }
        // And whether somebody looks or not.
        guest.qmp().qom_set("vgpu0", "irq-period-us", 200)?;
        guest.qmp().qom_set("vgpu0", "irq-times", u32::MAX)?;
        selftest(guest, "deadline vgpu0")
    })?;
    guest.finish()
}

#[test]
fn hundreds_of_callers_do_not_get_in_each_others_way() -> Result<()> {
    let device = "revision=2,command-latency-us=1000";
    let guest = guest_with_driver("crowd", Machine::Pc, &[device])?;
    quietly(&guest, || selftest(&guest, "crowd 400"))?;
    guest.finish()
}
