// SPDX-License-Identifier: GPL-2.0

//! What revision 2 does beyond revision 1.

mod commands;
mod interrupts;
mod live;
mod migration;
mod properties;
mod unplug;

use std::time::Duration;

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Machine, QmpError};
use serde_json::Value;
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

/// A command that takes this long, in virtual time, which stands still unless it is
/// told to pass.
const SLOW: &str = "command-latency-us=1000";
const LATENCY: Duration = Duration::from_millis(1);
const MOMENT: Duration = Duration::from_nanos(1);

const FEATURES: u32 = VGPU_FEATURE_IRQ | VGPU_FEATURE_ASYNC | VGPU_FEATURE_LIVE_CONFIG;

/// A machine with one device of revision 2.
struct Bench {
    machine: Machine,
    bar0: Bar0,
}

impl Bench {
    /// With these properties beyond the revision.
    fn start(properties: &str) -> Self {
        Self::on(Chipset::Pc, properties)
    }

    fn on(chipset: Chipset, properties: &str) -> Self {
        let mut machine = Machine::start(chipset, &["-device", &device(properties)]);
        let bar0 = SLOT.enable(&mut machine.cpu);
        Bench { machine, bar0 }
    }

    fn get(&mut self, register: u32) -> u32 {
        self.bar0.register(&mut self.machine, register)
    }

    fn set(&mut self, register: u32, value: u32) {
        self.bar0.set_register(&mut self.machine, register, value);
    }

    /// The registers in this order.
    fn all<const N: usize>(&mut self, registers: [u32; N]) -> [u32; N] {
        registers.map(|register| self.get(register))
    }

    /// Whether the device pulls its interrupt line.
    fn interrupts(&mut self) -> bool {
        SLOT.interrupts(&mut self.machine.cpu)
    }

    /// Changes a property while the device runs.
    fn change(&mut self, property: &str, value: impl Into<Value>) -> Result<Value, QmpError> {
        self.machine.qmp.set("gpu", property, value)
    }

    fn property(&mut self, property: &str) -> Value {
        self.machine.qmp.get("gpu", property)
    }

    /// Lets virtual time pass.
    fn pass(&mut self, time: Duration) {
        self.machine.cpu.pass(time);
    }
}

/// The argument for a device with these properties.
fn device(properties: &str) -> String {
    let comma = if properties.is_empty() { "" } else { "," };
    format!("vgpu-stub,id=gpu,addr=4,revision=2{comma}{properties}")
}

/// What the device knows of commands.
const COMMANDS: [u32; 5] = [
    VGPU_REG_COMMAND,
    VGPU_REG_STATUS,
    VGPU_REG_SUBMITTED,
    VGPU_REG_COMPLETED,
    VGPU_REG_RESULT,
];
