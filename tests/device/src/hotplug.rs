// SPDX-License-Identifier: GPL-2.0

//! The guest's part in unplugging: QEMU asks, and the guest ejects the slot.

use serde_json::json;

use crate::pci::Slot;
use crate::{Chipset, Machine};

/// ACPI PCI hot-plug registers: the mask of slots to eject, and the bus that is
/// meant, counting from 0 those that can be plugged into. Here that is one only:
/// the bus of a pc, or the one below the port of a q35.
const ACPI_EJECT: u16 = 0x08;
const ACPI_BUS: u16 = 0x10;

/// PCI Express capability, and its slot control register: power controller and
/// power indicator.
const EXPRESS: u8 = 0x10;
const SLOT_CONTROL: u8 = 0x18;
const POWERED: u32 = 0x0100;

/// The first QEMU in which a q35 hands its ports over to ACPI by default, and how it is
/// told not to.
const Q35_BY_ACPI: (u64, u64) = (6, 1);
const Q35_NATIVE: [&str; 2] = [
    "-global",
    "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
];

/// What the guest has to eject a slot with.
#[derive(Clone, Copy, Debug)]
pub enum Hotplug {
    /// The registers that firmware tables name, from this I/O port on.
    Acpi(u16),
    /// The slot registers of this port.
    Native(Slot),
}

impl Hotplug {
    /// That of a slot on the root bus of a pc.
    pub const PC: Self = Self::Acpi(0xae00);

    /// What is written to the [slot control](Self::slot_control) of a port to eject what is
    /// in it.
    pub const UNPOWERED: u32 = 0x0700;

    /// The arguments for a q35 whose ports have hot-plug of their own.
    pub fn native_arguments() -> &'static [&'static str] {
        let version = Machine::start::<&str>(Chipset::Q35, &[]).qmp.version();
        if version >= Q35_BY_ACPI {
            &Q35_NATIVE
        } else {
            &[]
        }
    }

    /// Where a port's slot control register is in its configuration space.
    pub fn slot_control(machine: &mut Machine, port: Slot) -> u8 {
        port.capability(&mut machine.cpu, EXPRESS) + SLOT_CONTROL
    }

    /// That of the slot below `port` on a q35.
    pub fn below(machine: &Machine, port: Slot) -> Self {
        if machine.qmp.version() >= Q35_BY_ACPI {
            Self::Acpi(0x0cc0)
        } else {
            Self::Native(port)
        }
    }

    /// What the guest does when a device was plugged in.
    pub fn accept(self, machine: &mut Machine) {
        if let Self::Native(port) = self {
            let control = Self::slot_control(machine, port);
            port.write16(&mut machine.cpu, control, POWERED);
        }
    }

    /// Asks for the device with this id, ejects its slot, and waits until it is gone.
    pub fn unplug(self, machine: &mut Machine, id: &str, device: u8) {
        machine.qmp.execute("device_del", json!({ "id": id }));
        self.eject(machine, device);
        while machine.qmp.wait_event("DEVICE_DELETED")["device"] != id {}
    }

    /// What the guest does when it is asked for the device in this slot.
    pub fn eject(self, machine: &mut Machine, device: u8) {
        match self {
            Self::Acpi(base) => {
                machine.cpu.outl(base + ACPI_BUS, 0);
                machine.cpu.outl(base + ACPI_EJECT, 1 << device);
            }
            Self::Native(port) => {
                let control = Self::slot_control(machine, port);
                port.write16(&mut machine.cpu, control, Self::UNPOWERED);
            }
        }
    }
}
