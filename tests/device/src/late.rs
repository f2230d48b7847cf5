// SPDX-License-Identifier: GPL-2.0

//! Accesses to a device that has been unplugged, by the object `late-access` of the QEMU
//! that is built for tests.

use serde_json::json;

use crate::pci::Bar0;
use crate::{Machine, QmpError, Width};

/// Where the object maps the regions of the device that it holds, a page each.
const BAR0: u64 = 0xe800_0000;
const VECTORS: u64 = BAR0 + 0x1000;
const PENDING: u64 = BAR0 + 0x2000;

/// The vectors of a device of revision 2, 16 bytes each, and a bit for each of them.
const VECTORS_SIZE: u64 = 32;
const PENDING_SIZE: u64 = 8;

/// What reaches a device beyond its unplug.
#[derive(Clone, Copy, Debug)]
pub struct Late;

impl Late {
    /// The arguments that make it.
    pub const ARGUMENTS: [&str; 2] = ["-device", "late-access,id=late"];

    /// BAR0 of the device that is held.
    pub const BAR0: Bar0 = Bar0::at(BAR0);

    /// Holds the device with this id instead of any other.
    pub fn hold(self, machine: &mut Machine, id: &str) {
        let path = format!("/machine/peripheral/{id}");
        Self::set(machine, "device", &path).expect("the device is there");
    }

    /// Lets go of the device, and waits until nothing is left of it.
    pub fn release(self, machine: &mut Machine, id: &str) {
        Self::set(machine, "device", "").expect("none is held");
        while machine.qmp.wait_event("DEVICE_DELETED")["device"] != id {}
    }

    /// Calls the device's write handler of configuration space, for 4 bytes.
    pub fn write_config(self, machine: &mut Machine, offset: u8, value: u32) {
        Self::set(machine, "call", &format!("config {offset} {value}")).expect("it is called");
    }

    /// Sets a property of the device.
    ///
    /// # Errors
    ///
    /// The device refuses it.
    pub fn configure(
        self,
        machine: &mut Machine,
        property: &str,
        value: &str,
    ) -> Result<(), QmpError> {
        Self::set(machine, "call", &format!("set {property} {value}"))
    }

    /// Resets the device.
    pub fn reset(self, machine: &mut Machine) {
        Self::set(machine, "call", "reset").expect("it is called");
    }

    /// Has the device take over the state that it was saved with last.
    ///
    /// # Errors
    ///
    /// The device refuses it.
    pub fn load(self, machine: &mut Machine) -> Result<(), QmpError> {
        Self::set(machine, "call", "load")
    }

    /// Where every access of this width to the vectors and to their pending bits goes.
    pub fn vectors(self, width: Width) -> impl Iterator<Item = u64> {
        let all = |base: u64, size: u64| (base..base + size).step_by(width as usize);
        all(VECTORS, VECTORS_SIZE).chain(all(PENDING, PENDING_SIZE))
    }

    fn set(machine: &mut Machine, property: &str, value: &str) -> Result<(), QmpError> {
        machine.qmp.set("late", property, json!(value)).map(drop)
    }
}
