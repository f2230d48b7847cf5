// SPDX-License-Identifier: GPL-2.0

//! MSI-X, with messages that stay in memory until somebody looks.

use crate::pci::{self, Slot};
use crate::{Qtest, Width};

/// Where the vectors' messages go, which are kept there as plain memory would.
const MAILBOX: u64 = 0x10_0000;
const BAR1: u64 = 0xe080_0000;
const MSIX: u8 = 0x11;
const MSIX_ENABLE: u32 = 0x8000;

/// The vectors of a device.
#[derive(Clone, Copy, Debug)]
pub struct Msix {
    slot: Slot,
    capability: u8,
    vectors: u32,
}

impl Msix {
    /// Turns MSI-X on, with a message for each vector.
    ///
    /// # Panics
    ///
    /// When the device does not have so many vectors in BAR1.
    pub fn enable(slot: Slot, cpu: &mut Qtest, vectors: u32) -> Self {
        let capability = slot.capability(cpu, MSIX);
        // Both tables are in BAR1.
        assert_eq!(slot.read(cpu, capability + 4) & 7, 1);
        assert_eq!(slot.read(cpu, capability + 8) & 7, 1);
        assert_eq!(slot.read16(cpu, capability + 2) & 0x7ff, vectors - 1);
        slot.write(cpu, pci::BAR0 + 4, BAR1.try_into().expect("32 bits"));
        for vector in 0..u64::from(vectors) {
            let entry = BAR1 + 16 * vector;
            cpu.write(Width::Long, entry, MAILBOX + 8 * vector);
            cpu.write(Width::Long, entry + 4, 0);
            cpu.write(Width::Long, entry + 8, 0x100 + vector);
            cpu.write(Width::Long, entry + 12, 0);
        }
        let msix = Self {
            slot,
            capability,
            vectors,
        };
        msix.turn(cpu, true);
        msix
    }

    /// Turns MSI-X on or off, with the messages as they are.
    pub fn turn(self, cpu: &mut Qtest, on: bool) {
        let control = if on { MSIX_ENABLE } else { 0 };
        self.slot.write16(cpu, self.capability + 2, control);
    }

    /// Masks a vector or unmasks it.
    pub fn mask(self, cpu: &mut Qtest, vector: u32, masked: bool) {
        let control = BAR1 + 16 * u64::from(vector) + 12;
        cpu.write(Width::Long, control, masked.into());
    }

    /// Which vectors have sent their message since this was asked last.
    ///
    /// # Panics
    ///
    /// When one has sent something else.
    pub fn messages(self, cpu: &mut Qtest) -> Vec<bool> {
        let message = |vector| {
            let address = MAILBOX + 8 * vector;
            let found = cpu.read(Width::Long, address);
            cpu.write(Width::Long, address, 0);
            assert!(found == 0 || found == 0x100 + vector, "{found:#x}");
            found != 0
        };
        (0..u64::from(self.vectors)).map(message).collect()
    }
}
