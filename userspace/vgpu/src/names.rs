// SPDX-License-Identifier: MIT OR Apache-2.0

//! Names of the device in the PCI id database, as lspci prints them. Looked up by
//! build.rs: the ids are known then, and the table would be most of a binary.

use crate::Vgpu;

include!(concat!(env!("OUT_DIR"), "/names.rs"));

impl Vgpu {
    /// The name of the vendor; `None` if the database has none.
    pub fn vendor_name(&self) -> Option<&'static str> {
        VENDOR
    }

    /// The name of the device; `None` if the database has none, where lspci
    /// prints `Device 1111`.
    pub fn device_name(&self) -> Option<&'static str> {
        DEVICE
    }

    /// The name of the class; `None` if the database has none.
    pub fn class_name(&self) -> Option<&'static str> {
        CLASS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_and_class_are_called_what_lspci_calls_them() {
        assert_eq!(VENDOR, Some("Red Hat, Inc."));
        assert_eq!(CLASS, Some("Processing accelerators"));
    }
}
