// SPDX-License-Identifier: GPL-2.0

//! Which devices a run is about.

use std::fmt;
use std::str::FromStr;

use vgpu::{AddressError, PciAddress, Vgpu};

use crate::failure::Failure;
use crate::values;

/// A device as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// `all`
    All,
    /// `vgpu0`
    Name(String),
    /// `0000:00:06.0` or `00:06.0`
    Address(PciAddress),
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Selector::All),
            // No class device has a colon in its name, every address has one.
            _ if text.contains(':') => text
                .parse()
                .map(Selector::Address)
                .map_err(|error: AddressError| error.to_string()),
            _ => values::name(text).map(Selector::Name),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::All => f.write_str("all"),
            Selector::Name(name) => f.write_str(name),
            Selector::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Selector {
    pub(crate) fn selects(&self, device: &Vgpu) -> bool {
        self.names(device.name(), Some(device.pci()))
    }

    /// Whether it names the device of that name and address.
    pub(crate) fn names(&self, name: Option<&str>, address: Option<PciAddress>) -> bool {
        match self {
            Selector::All => true,
            Selector::Name(wanted) => name == Some(wanted),
            Selector::Address(wanted) => address == Some(*wanted),
        }
    }
}

/// The devices of a run, in the order of their addresses and each once.
pub(crate) struct Selection {
    /// Those that are there.
    pub(crate) devices: Vec<Vgpu>,
    /// [`Failure::SomeMissing`], if some that were named are not.
    pub(crate) missing: Option<Failure>,
}

/// Picks what `selectors` name out of what was found; everything without
/// selectors.
///
/// # Errors
/// [`Failure::NoDevice`] or [`Failure::NoSuchDevice`] if nothing is left.
pub(crate) fn select(found: Vec<Vgpu>, selectors: &[Selector]) -> Result<Selection, Failure> {
    let missing: Vec<String> = selectors
        .iter()
        .filter(|it| **it != Selector::All && !found.iter().any(|device| it.selects(device)))
        .map(Selector::to_string)
        .collect();
    let devices: Vec<Vgpu> = found
        .into_iter()
        .filter(|device| selectors.is_empty() || selectors.iter().any(|it| it.selects(device)))
        .collect();
    match (devices.is_empty(), missing.is_empty()) {
        (true, true) => Err(Failure::NoDevice),
        (true, false) => Err(Failure::NoSuchDevice(missing)),
        (false, none_missing) => Ok(Selection {
            devices,
            missing: (!none_missing).then_some(Failure::SomeMissing(missing)),
        }),
    }
}

/// As [`select`], for what is done to one device unless told otherwise: several
/// without selectors are too many.
///
/// # Errors
/// As [`select`], and [`Failure::Ambiguous`].
pub(crate) fn select_one(found: Vec<Vgpu>, selectors: &[Selector]) -> Result<Selection, Failure> {
    if selectors.is_empty() && found.len() > 1 {
        return Err(Failure::Ambiguous(found.iter().map(Vgpu::label).collect()));
    }
    select(found, selectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_its_name_its_address_or_all() {
        let address: PciAddress = "0000:00:06.0".parse().unwrap();
        assert_eq!("all".parse(), Ok(Selector::All));
        assert_eq!("vgpu0".parse(), Ok(Selector::Name("vgpu0".into())));
        assert_eq!("00:06.0".parse(), Ok(Selector::Address(address)));
        assert_eq!("0000:00:06.0".parse(), Ok(Selector::Address(address)));
    }

    #[test]
    fn what_no_device_can_be_called_is_refused() {
        for text in ["00:06", "vgpu", "0", "card0", ""] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
