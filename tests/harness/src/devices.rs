// SPDX-License-Identifier: GPL-2.0

//! Device strings: what follows `-device`, with the driver's name left out.

use std::env;

use anyhow::{Result, bail};

use crate::machine::Machine;

/// The device that a string without a driver's name means.
pub(crate) const DRIVER: &str = "vgpu-stub";

/// The variable that says which revision a device has that does not.
const REVISION: &str = "VGPU_REVISION";

/// Where the first device goes, as in the guide; the next ones follow it.
const FIRST_SLOT: usize = 0x06;

/// The revision of a device that does not say which it has: 1, unless `VGPU_REVISION`
/// says otherwise.
///
/// # Errors
///
/// It says something that is no number.
pub fn default_revision() -> Result<u32> {
    match env::var(REVISION) {
        Ok(text) => match text.parse() {
            Ok(revision) => Ok(revision),
            Err(_) => bail!("{REVISION} must be a number, got '{text}'"),
        },
        Err(_) => Ok(1),
    }
}

/// What QEMU is to be told of all devices, those that are plugged in later, too: the
/// argument of `-global`.
pub(crate) fn defaults() -> Result<String> {
    Ok(format!("{DRIVER}.revision={}", default_revision()?))
}

/// Splits `DEVICES`, as in `pool_id=B,vm_id=7;pool_id=A`, into device strings.
/// An empty string is no device.
///
/// # Errors
///
/// Something that is no list of `NAME=VALUE`. Whether the device knows the names
/// and takes the values is for QEMU to say.
pub fn parse_devices(text: &str) -> Result<Vec<String>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(';')
        .enumerate()
        .map(|(index, device)| {
            let device = device.trim();
            if device.is_empty() {
                bail!(
                    "DEVICES: device {} of '{text}' is empty; \
                     '{DRIVER}' stands for one with default properties",
                    index + 1
                );
            }
            Parsed::new(device)?;
            Ok(device.to_owned())
        })
        .collect()
}

/// A device string, taken apart.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Parsed<'a> {
    /// The type of the device.
    pub(crate) driver: &'a str,
    /// Its properties, in the order given.
    pub(crate) properties: Vec<(&'a str, &'a str)>,
}

impl<'a> Parsed<'a> {
    /// Takes `pool_id=B,vm_id=7` or `some-other-driver,property=value`.
    pub(crate) fn new(text: &'a str) -> Result<Self> {
        let mut parts = text.split(',').peekable();
        let driver = match parts.next_if(|part| !part.contains('=')) {
            Some("") | None => DRIVER,
            Some(driver) => driver,
        };
        let properties = parts
            .map(|part| match part.split_once('=') {
                Some((name, value)) if is_name(name) => Ok((name, value)),
                _ => bail!("DEVICES: '{part}' in '{text}' is not NAME=VALUE"),
            })
            .collect::<Result<_>>()?;
        if !is_name(driver) {
            bail!("DEVICES: '{driver}' in '{text}' is not NAME=VALUE");
        }
        Ok(Self { driver, properties })
    }

    /// The value of a property, if it is given.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.properties
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// The argument of `-device` for the device with this number: with an id and an
/// address, if the string does not say them itself.
pub(crate) fn argument(text: &str, index: usize, machine: Machine) -> Result<String> {
    let parsed = Parsed::new(text)?;
    let mut argument = parsed.driver.to_owned();
    let mut add = |name: &str, value: &str| {
        argument += &format!(",{name}={value}");
    };
    if parsed.get("id").is_none() {
        add("id", &format!("vgpu{index}"));
    }
    if parsed.get("bus").is_none() {
        add("bus", machine.root_bus());
        if parsed.get("addr").is_none() {
            add("addr", &format!("{:#04x}", FIRST_SLOT + index));
        }
    }
    for (name, value) in parsed.properties {
        add(name, value);
    }
    Ok(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_semicolons() {
        assert_eq!(
            parse_devices("pool_id=B,vm_id=7;pool_id=A").unwrap(),
            ["pool_id=B,vm_id=7", "pool_id=A"]
        );
    }

    #[test]
    fn nothing_is_no_device() {
        assert!(parse_devices("").unwrap().is_empty());
        assert!(parse_devices("  ").unwrap().is_empty());
    }

    #[test]
    fn a_device_that_is_no_list_of_properties_is_refused() {
        for (text, complaint) in [
            ("pool_id=A;", "device 2 of 'pool_id=A;' is empty"),
            ("pool_id=B,vm id=7", "'vm id=7'"),
            ("pool_id=B,high", "'high' in 'pool_id=B,high'"),
            ("=B", "'=B'"),
            ("two words", "'two words'"),
        ] {
            let error = parse_devices(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    #[test]
    fn values_are_not_judged() {
        assert_eq!(parse_devices("pool_id=,x=C").unwrap(), ["pool_id=,x=C"]);
    }

    #[test]
    fn devices_get_consecutive_slots_and_ids() {
        assert_eq!(
            argument("pool_id=B", 0, Machine::Pc).unwrap(),
            "vgpu-stub,id=vgpu0,bus=pci.0,addr=0x06,pool_id=B"
        );
        assert_eq!(
            argument("vgpu-stub", 1, Machine::Q35).unwrap(),
            "vgpu-stub,id=vgpu1,bus=pcie.0,addr=0x07"
        );
    }

    #[test]
    fn what_the_string_says_itself_stays() {
        assert_eq!(
            argument("other,id=x,addr=0x9", 3, Machine::Pc).unwrap(),
            "other,bus=pci.0,id=x,addr=0x9"
        );
        assert_eq!(
            argument("bus=hotplug", 0, Machine::Q35).unwrap(),
            "vgpu-stub,id=vgpu0,bus=hotplug"
        );
    }
}
