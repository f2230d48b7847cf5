// SPDX-License-Identifier: MIT OR Apache-2.0

//! Alias of a PCI function, as the kernel tells it modprobe: ids and class in one
//! attribute, which needs nothing of the device.

use crate::uapi;

/// The attribute of a PCI function that holds it.
pub(crate) const ATTRIBUTE: &str = "modalias";

/// The ids that the drivers of a PCI function are found by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Modalias {
    pub(crate) vendor: u32,
    pub(crate) device: u32,
    /// Base class and subclass, without the programming interface.
    pub(crate) class: u32,
}

impl Modalias {
    /// Reads `pci:v00001AF4d00001111sv00001AF4sd00001100bc12sc00i00`; `None` for
    /// anything else.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.strip_prefix("pci:v")?;
        let (vendor, text) = hex(text, 8)?;
        let (device, text) = hex(text.strip_prefix('d')?, 8)?;
        let (_, text) = hex(text.strip_prefix("sv")?, 8)?;
        let (_, text) = hex(text.strip_prefix("sd")?, 8)?;
        let (base, text) = hex(text.strip_prefix("bc")?, 2)?;
        let (sub, _) = hex(text.strip_prefix("sc")?, 2)?;
        Some(Modalias {
            vendor,
            device,
            class: (base << 8) | sub,
        })
    }

    /// Tells whether it has the ids of the contract; the class is another matter.
    pub(crate) fn has_ids_of_stub(&self) -> bool {
        self.vendor == uapi::VGPU_PCI_VENDOR_ID && self.device == uapi::VGPU_PCI_DEVICE_ID
    }
}

/// Takes a number of that many digits off the front.
fn hex(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    Some((u32::from_str_radix(number, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_class_are_read() {
        let text = b"pci:v00001AF4d00001111sv00001AF4sd00001100bc12sc34i56\n";
        let expected = Modalias {
            vendor: 0x1af4,
            device: 0x1111,
            class: 0x1234,
        };
        assert_eq!(Modalias::parse(text), Some(expected));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "virtio:d00000002v00001AF4",
            "pci:v00001AF4d00001111",
            "pci:v1AF4d1111sv1AF4sd1100bc12sc00i00",
            "pci:v00001AF4d00001111sv00001AF4sd00001100bc1",
        ] {
            assert_eq!(Modalias::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
