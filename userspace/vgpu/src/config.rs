// SPDX-License-Identifier: MIT OR Apache-2.0

//! The start of a device's PCI configuration space, which every user may read.

use std::io::Read;

use rustix::fs::OFlags;

use crate::directory::Directory;

/// Offsets of the fields, by the names of linux/pci_regs.h.
const PCI_COMMAND: usize = 0x04;
const PCI_COMMAND_MEMORY: u16 = 0x2;
const PCI_REVISION_ID: usize = 0x08;

/// As much of the header as is looked at here.
pub(crate) struct Config([u8; 12]);

impl Config {
    /// Reads the header of `function`; `None` where there is none to read.
    pub(crate) fn read(function: &Directory) -> Option<Self> {
        let mut header = [0; 12];
        let mut file = function.file("config", OFlags::RDONLY).ok()?;
        file.read_exact(&mut header).ok()?;
        Some(Config(header))
    }

    /// Tells whether nobody answers: no vendor has the id 0xffff.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.starts_with(&[0xff, 0xff])
    }

    /// Tells whether the device answers accesses to its memory BARs.
    pub(crate) fn decodes_memory(&self) -> bool {
        let command = u16::from_le_bytes([self.0[PCI_COMMAND], self.0[PCI_COMMAND + 1]]);
        command & PCI_COMMAND_MEMORY != 0
    }

    /// The revision of the device.
    pub(crate) fn revision(&self) -> u8 {
        self.0[PCI_REVISION_ID]
    }
}
