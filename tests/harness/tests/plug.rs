// SPDX-License-Identifier: GPL-2.0

//! Devices come and go while a guest runs, on every machine; QMP reaches it.

use std::thread;
use std::time::{Duration, Instant};

use harness::{Guest, Machine};

/// What the guest knows of our devices, by PCI id.
const PRESENT: &str = "lspci -n -d 1af4:1111 | wc -l";
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the guest sees `count` devices.
fn wait_for(guest: &Guest, count: &str) {
    let end = Instant::now() + PATIENCE;
    while guest.check(PRESENT).unwrap() != count {
        assert!(Instant::now() < end, "never saw {count} devices");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn devices_are_plugged_and_unplugged_on_every_machine() {
    for machine in Machine::ALL {
        let guest = Guest::builder(&format!("harness-plug-{machine}"))
            .machine(machine)
            .device("pool_id=A")
            .boot()
            .unwrap();
        assert_eq!(
            guest.check(PRESENT).unwrap(),
            "1",
            "at 00:06.0 from the start"
        );
        assert!(
            guest
                .check("lspci -s 00:06.0")
                .unwrap()
                .contains("accelerators")
        );
        for round in 0..3 {
            let start = Instant::now();
            guest.plug("pool_id=B,vm_id=7,id=late").unwrap();
            wait_for(&guest, "2");
            let plugged = start.elapsed();
            assert_eq!(guest.qmp().qom_get("late", "vm_id").unwrap(), 7);
            let start = Instant::now();
            guest.unplug("late", PATIENCE).unwrap();
            let unplugged = start.elapsed();
            wait_for(&guest, "1");
            eprintln!("{machine} {round}: plug {plugged:?}, unplug {unplugged:?}");
        }
        guest.finish().unwrap();
    }
}
