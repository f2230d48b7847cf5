// SPDX-License-Identifier: GPL-2.0

//! A device that is reached beyond its unplug, as by a vCPU that waited for QEMU's lock
//! meanwhile.

use std::time::Duration;

use device_tests::pci::{self, Bar0, Slot};
use device_tests::{Chipset, Hotplug, Late, Machine};
use serde_json::json;
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

/// Longer than what the slower devices take for a command.
const LATENCY: Duration = Duration::from_millis(1);

/// Longer than any command takes that could be pending.
const LONG: Duration = Duration::from_millis(10);

/// A machine with one device, which is held.
struct Bench {
    machine: Machine,
    bar0: Bar0,
}

impl Bench {
    fn start(properties: &str) -> Self {
        let device = format!("vgpu-stub,id=gpu,addr=4,{properties}");
        let mut arguments = vec!["-device", &device];
        arguments.extend(Late::ARGUMENTS);
        let mut machine = Machine::start(Chipset::Pc, &arguments);
        let bar0 = SLOT.enable(&mut machine.cpu);
        Late.hold(&mut machine, "gpu");
        Self { machine, bar0 }
    }

    /// Takes the device away. Nothing but the hold keeps it.
    fn unplug(&mut self) {
        self.machine
            .qmp
            .execute("device_del", json!({ "id": "gpu" }));
        Hotplug::PC.eject(&mut self.machine, SLOT.device);
        let vendor = SLOT.read16(&mut self.machine.cpu, pci::VENDOR_ID);
        assert_eq!(vendor, 0xffff);
    }

    fn set(&mut self, register: u32, value: u32) {
        self.bar0.set_register(&mut self.machine, register, value);
    }

    fn get_late(&mut self, register: u32) -> u32 {
        Late::BAR0.register(&mut self.machine, register)
    }

    fn set_late(&mut self, register: u32, value: u32) {
        Late::BAR0.set_register(&mut self.machine, register, value);
    }

    /// Lets time pass, the device go, and time pass again, and ends QEMU in good order.
    fn finish(mut self) {
        self.machine.cpu.pass(LONG);
        Late.release(&mut self.machine, "gpu");
        self.machine.cpu.pass(LONG);
        assert_eq!(SLOT.read16(&mut self.machine.cpu, pci::VENDOR_ID), 0xffff);
        self.machine.finish();
    }
}

/// Every device that differs in what it could do.
const DEVICES: [&str; 4] = [
    "revision=1",
    "revision=2,msix=off",
    "revision=2,msix=off,command-latency-us=1000",
    "revision=2,msix=on,command-latency-us=1000",
];

#[test]
fn a_device_that_is_held_answers_as_long_as_it_is_plugged_in() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_COMMAND, 5);
        assert_eq!(bench.get_late(VGPU_REG_COMMAND), 5);
        bench.machine.cpu.pass(LATENCY);
        bench.set_late(VGPU_REG_COMMAND, 6);
        assert_eq!(bench.bar0.register(&mut bench.machine, VGPU_REG_COMMAND), 6);
        bench.unplug();
        bench.finish();
    }
}
