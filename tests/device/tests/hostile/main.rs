// SPDX-License-Identifier: GPL-2.0

//! That the device model made to lie to drivers tells the lies it is asked for.
//!
//! It exists only in the QEMU built for tests.

mod answers;
mod commands;
mod interrupts;
mod shape;
mod unplugged;

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Machine};
use serde_json::Value;

const SLOT: Slot = Slot::root(4);

/// A machine with one such device, whose virtual time stands still unless it is told to
/// pass.
struct Bench {
    machine: Machine,
    bar0: Bar0,
}

impl Bench {
    /// Starts one, with these properties beyond the id.
    fn start(properties: &str) -> Self {
        let mut machine = machine(properties);
        let bar0 = SLOT.enable(&mut machine.cpu);
        Self { machine, bar0 }
    }

    /// Reads a register.
    fn read(&mut self, register: u32) -> u32 {
        self.bar0.register(&mut self.machine, register)
    }

    /// Writes a register.
    fn write(&mut self, register: u32, value: u32) {
        self.bar0.set_register(&mut self.machine, register, value);
    }

    /// Sets a property.
    fn set(&mut self, property: &str, value: impl Into<Value>) {
        let answer = self.machine.qmp.set("gpu", property, value);
        answer.unwrap_or_else(|refusal| panic!("{property}: {refusal:?}"));
    }

    /// Gets a property.
    fn get(&mut self, property: &str) -> Value {
        self.machine.qmp.get("gpu", property)
    }
}

/// A machine with one such device, whose BAR0 is nowhere yet.
fn machine(properties: &str) -> Machine {
    Machine::start(Chipset::Pc, &["-device", &device(properties)])
}

/// The argument for such a device.
fn device(properties: &str) -> String {
    format!("vgpu-stub-hostile,id=gpu,addr=4{properties}")
}
