// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses of PCI functions.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The address of a PCI function, `0000:00:06.0`; ordered as lspci lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    // The fields are in order of significance: the derived order relies on it.
    domain: u32,
    bus: u8,
    device: u8,
    function: u8,
}

/// Text that is not the address of a PCI function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a PCI address looks like 0000:00:06.0 or 00:06.0")]
pub struct AddressError;

impl FromStr for PciAddress {
    type Err = AddressError;

    /// Reads `0000:00:06.0` and the short form `00:06.0` of domain 0.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, function) = text.rsplit_once('.').ok_or(AddressError)?;
        let (rest, device) = place.rsplit_once(':').ok_or(AddressError)?;
        // Domains have four digits or, behind a VMD, more.
        let (domain, bus) = rest.rsplit_once(':').unwrap_or(("0000", rest));
        Ok(PciAddress {
            domain: hex(domain, 4..=8, u32::MAX)?,
            bus: small(bus, 2, 0xff)?,
            device: small(device, 2, 0x1f)?,
            function: small(function, 1, 0x7)?,
        })
    }
}

fn small(text: &str, length: usize, max: u8) -> Result<u8, AddressError> {
    let value = hex(text, length..=length, u32::from(max))?;
    u8::try_from(value).map_err(|_| AddressError)
}

fn hex(text: &str, length: std::ops::RangeInclusive<usize>, max: u32) -> Result<u32, AddressError> {
    if !length.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(AddressError);
    }
    u32::from_str_radix(text, 16)
        .ok()
        .filter(|value| *value <= max)
        .ok_or(AddressError)
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PciAddress {
            domain,
            bus,
            device,
            function,
        } = self;
        f.pad(&format!("{domain:04x}:{bus:02x}:{device:02x}.{function:x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_sysfs_writes_it() {
        for text in ["0000:00:06.0", "10000:e1:1f.7", "ffff:ff:00.0"] {
            assert_eq!(text.parse::<PciAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_short_form_is_domain_zero() {
        assert_eq!(
            "00:06.0".parse::<PciAddress>(),
            "0000:00:06.0".parse::<PciAddress>()
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "vgpu0",
            "00:06",
            "6.0",
            "0:6.0",
            "00:20.0",
            "00:06.8",
            "00:06.00",
            "000:00:06.0",
            "0000:00:+6.0",
            "0000:0000:00:06.0",
            "00:06.0 ",
        ] {
            assert_eq!(text.parse::<PciAddress>(), Err(AddressError), "{text:?}");
        }
    }

    #[test]
    fn addresses_sort_by_domain_then_bus_then_device() {
        let mut addresses: Vec<PciAddress> = [
            "10000:00:00.0",
            "0000:0a:00.0",
            "0000:09:1f.0",
            "0000:0a:00.1",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        addresses.sort();
        let sorted: Vec<String> = addresses.iter().map(PciAddress::to_string).collect();
        assert_eq!(
            sorted,
            [
                "0000:09:1f.0",
                "0000:0a:00.0",
                "0000:0a:00.1",
                "10000:00:00.0"
            ]
        );
    }
}
