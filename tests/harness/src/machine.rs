// SPDX-License-Identifier: GPL-2.0

//! The machines that guests run on.

use std::fmt;
use std::str::FromStr;

/// A machine type of QEMU.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Machine {
    /// i440FX: conventional PCI. What XCP-ng's HVM guests have.
    #[default]
    Pc,
    /// Q35: PCI Express.
    Q35,
}

impl Machine {
    /// Both, for tests that run on each.
    pub const ALL: [Self; 2] = [Self::Pc, Self::Q35];

    /// As QEMU's -machine takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::Q35 => "q35",
        }
    }

    /// The bus that devices sit on from the start.
    #[must_use]
    pub fn root_bus(self) -> &'static str {
        match self {
            Self::Pc => "pci.0",
            Self::Q35 => "pcie.0",
        }
    }

    /// The bus that takes devices while the guest runs. On pc that is the root
    /// bus. The root bus of q35 takes none; a bridge behind a root port does there,
    /// any number of conventional devices, and through ACPI, so that an unplug takes
    /// tens of milliseconds as on pc (PCI Express's own hot-plug waits 5 seconds for
    /// somebody to press the button again).
    #[must_use]
    pub fn hotplug_bus(self) -> &'static str {
        match self {
            Self::Pc => "pci.0",
            Self::Q35 => "hotplug",
        }
    }

    /// What QEMU is given for [`Self::hotplug_bus`] to exist.
    pub(crate) fn bridges(self) -> &'static [&'static str] {
        match self {
            Self::Pc => &[],
            Self::Q35 => &[
                "-device",
                "pcie-root-port,id=hotplug-port,bus=pcie.0,addr=0x3,chassis=1",
                "-device",
                "pcie-pci-bridge,id=hotplug,bus=hotplug-port",
            ],
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A machine name that is none of [`Machine`]'s.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseMachineError(String);

impl fmt::Display for ParseMachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MACHINE must be 'pc' or 'q35', got '{}'", self.0)
    }
}

impl std::error::Error for ParseMachineError {}

impl FromStr for Machine {
    type Err = ParseMachineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|machine| machine.name() == text)
            .ok_or_else(|| ParseMachineError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_its_name() {
        for machine in Machine::ALL {
            assert_eq!(machine.to_string().parse(), Ok(machine));
        }
    }

    #[test]
    fn an_unknown_machine_is_quoted_in_the_error() {
        let error = "microvm".parse::<Machine>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "MACHINE must be 'pc' or 'q35', got 'microvm'"
        );
    }
}
