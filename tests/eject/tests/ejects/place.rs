// SPDX-License-Identifier: GPL-2.0

//! Where the device is plugged in, and how a guest ejects it there.

use std::fmt;

use harness::Machine;

/// A slot that a guest can eject by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// On the bus of a pc, by ACPI.
    Pc,
    /// On the bridge of a q35 that takes devices, by ACPI.
    Q35Bridge,
    /// In a port of a q35, by PCI Express's own hot-plug.
    Q35Port,
}

impl Place {
    /// The machine.
    pub(crate) fn machine(self) -> Machine {
        match self {
            Self::Pc => Machine::Pc,
            Self::Q35Bridge | Self::Q35Port => Machine::Q35,
        }
    }

    /// What the machine has beyond that.
    pub(crate) fn qemu_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Pc | Self::Q35Bridge => &[],
            Self::Q35Port => &[
                "-global",
                "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
                "-device",
                "pcie-root-port,id=native,bus=pcie.0,addr=4,chassis=2",
            ],
        }
    }

    /// The properties that say which slot it is.
    pub(crate) fn slot(self) -> &'static str {
        match self {
            Self::Pc | Self::Q35Bridge => "addr=6",
            Self::Q35Port => "bus=native,addr=0",
        }
    }

    /// The command that has the kernel find what was plugged in. ACPI tells it by itself.
    pub(crate) fn find(self) -> &'static str {
        match self {
            Self::Pc | Self::Q35Bridge => "true",
            Self::Q35Port => "setpci -s 00:04.0 CAP_EXP+18.w=0100 && echo 1 >/sys/bus/pci/rescan",
        }
    }

    /// How selftests/eject ejects the slot.
    pub(crate) fn way(self) -> &'static str {
        match self {
            Self::Pc => "acpi 0xae00 0 6",
            Self::Q35Bridge => "acpi 0x0cc0 1 6",
            Self::Q35Port => "port 0000:00:04.0",
        }
    }

    /// Whether selftests/eject can access a device here like that: the bus of a pc is
    /// behind no bridge that could reset it.
    pub(crate) fn has(self, accesses: &str) -> bool {
        !matches!(self, Self::Pc) || accesses != "reset"
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pc => "pc",
            Self::Q35Bridge => "q35-bridge",
            Self::Q35Port => "q35-port",
        })
    }
}
