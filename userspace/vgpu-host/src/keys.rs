// SPDX-License-Identifier: GPL-2.0

//! The two keys that say which devices a VM has.
//!
//! The typed key holds nothing but properties: `pool_id=B,priority=high,vm_id=200`,
//! several devices separated by `;`. The older key holds arguments of QEMU, as
//! text; it is read if it says nothing that the typed key could not say.

use std::str;

use thiserror::Error;

use crate::device::{Device, Revision, parse_latency, parse_vm_id};
use crate::shown::Shown;

/// The name of the typed key in a VM's platform map, and below `platform` in
/// xenstore.
pub const TYPED: &str = "vgpu-stub";
/// The name of the older key, at the same places.
pub const ARGUMENTS: &str = "device-model-args";
/// So many devices fit: from the last slot of the bus down, and far from those
/// that the toolstack uses.
pub const MOST_DEVICES: usize = 8;
/// The longest value that is looked at, which is the longest that xenstore has.
pub const LONGEST: usize = 4096;

/// The type of QEMU's device.
const DEVICE: &str = "vgpu-stub";

/// What is wrong with the value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It has more than [`LONGEST`] bytes.
    #[error("the value is longer than {LONGEST} bytes")]
    TooLong,
    /// It has bytes that neither key has any use for.
    #[error("{0}: only printable ASCII makes sense here")]
    NotText(Shown),
    /// A device without any property.
    #[error("a device is empty; name one of its properties, such as pool_id=A")]
    Empty,
    /// A comma without a property on one of its sides.
    #[error("{0}: there is a ',' too many")]
    Comma(Shown),
    /// Not of the form name=value.
    #[error("{0} is not of the form name=value")]
    NoValue(Shown),
    /// Not a property that a device has.
    #[error(
        "{0} is no property; there are pool_id, priority, vm_id, revision, msix, \
         command-latency-us and messages"
    )]
    UnknownProperty(Shown),
    /// A property that is given twice for one device.
    #[error("{0} is given twice for one device")]
    Twice(&'static str),
    /// A value that the property cannot have.
    #[error("{0}: {1}")]
    BadValue(Shown, &'static str),
    /// A property that a device of an older revision cannot have.
    #[error("{0} needs revision={1}")]
    BeyondRevision(&'static str, Revision),
    /// More than [`MOST_DEVICES`].
    #[error("there are {0} devices, and at most {MOST_DEVICES} are possible")]
    TooMany(usize),
    /// An argument that is not a device of ours.
    #[error("{0}: only -device vgpu-stub and its properties are allowed")]
    ForeignArgument(Shown),
}

/// Reads the value of the typed key.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_typed(value: &[u8]) -> Result<Vec<Device>, KeyError> {
    let devices = text(value)?.split(';').map(|device| {
        let mut properties = Properties::default();
        for property in device.split(',') {
            match property {
                "" if device.is_empty() => return Err(KeyError::Empty),
                "" => return Err(KeyError::Comma(Shown::new(device))),
                property => properties.take(property)?,
            }
        }
        properties.finish()
    });
    not_too_many(devices.collect::<Result<_, _>>()?)
}

/// The value of the typed key that means these devices.
pub fn format_typed(devices: &[Device]) -> String {
    let devices: Vec<String> = devices.iter().map(Device::to_string).collect();
    devices.join(";")
}

/// The value of the older key that means these devices.
pub fn format_arguments(devices: &[Device]) -> String {
    let devices = devices.iter().map(|it| format!("-device {DEVICE},{it}"));
    devices.collect::<Vec<_>>().join(" ")
}

/// Reads the value of the older key. An `id` is allowed and has no effect:
/// devices get ids of ours.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_arguments(value: &[u8]) -> Result<Vec<Device>, KeyError> {
    let mut words = text(value)?.split(' ').filter(|word| !word.is_empty());
    let mut devices = Vec::new();
    while let Some(option) = words.next() {
        let foreign = |word| KeyError::ForeignArgument(Shown::new(word));
        if option != "-device" {
            return Err(foreign(option));
        }
        let argument = words.next().ok_or(foreign(option))?;
        let mut parts = argument.split(',');
        if parts.next() != Some(DEVICE) {
            return Err(foreign(argument));
        }
        let mut properties = Properties::default();
        for property in parts {
            match property.split_once('=') {
                Some(("id", id)) => properties.take_id(id)?,
                None if property.is_empty() => return Err(KeyError::Comma(Shown::new(argument))),
                _ => properties.take(property)?,
            }
        }
        devices.push(properties.finish()?);
    }
    not_too_many(devices)
}

fn text(value: &[u8]) -> Result<&str, KeyError> {
    if value.len() > LONGEST {
        return Err(KeyError::TooLong);
    }
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match str::from_utf8(value) {
        Ok(text) if value.iter().all(printable) => Ok(text),
        _ => Err(KeyError::NotText(Shown::new(value))),
    }
}

fn not_too_many(devices: Vec<Device>) -> Result<Vec<Device>, KeyError> {
    match devices.len() {
        number if number > MOST_DEVICES => Err(KeyError::TooMany(number)),
        _ => Ok(devices),
    }
}

/// A device, and which of its properties were given.
#[derive(Default)]
struct Properties {
    device: Device,
    given: Vec<&'static str>,
}

impl Properties {
    fn take(&mut self, property: &str) -> Result<(), KeyError> {
        let shown = || Shown::new(property);
        let bad = |what| KeyError::BadValue(shown(), what);
        let (name, value) = property
            .split_once('=')
            .ok_or_else(|| KeyError::NoValue(shown()))?;
        match name {
            "pool_id" => {
                self.once("pool_id")?;
                self.device.pool = value.parse().map_err(bad)?;
            }
            "priority" => {
                self.once("priority")?;
                self.device.priority = value.parse().map_err(bad)?;
            }
            "vm_id" => {
                self.once("vm_id")?;
                self.device.vm_id = parse_vm_id(value).map_err(bad)?;
            }
            "revision" => {
                self.once("revision")?;
                self.device.revision = value.parse().map_err(bad)?;
            }
            "msix" => {
                self.once("msix")?;
                self.device.msix = value.parse().map_err(bad)?;
            }
            "command-latency-us" => {
                self.once("command-latency-us")?;
                self.device.command_latency_us = parse_latency(value).map_err(bad)?;
            }
            "messages" => {
                self.once("messages")?;
                self.device.messages = value.parse().map_err(bad)?;
            }
            _ => return Err(KeyError::UnknownProperty(Shown::new(name))),
        }
        Ok(())
    }

    /// Gives the device, if it is one that the device model would make.
    fn finish(self) -> Result<Device, KeyError> {
        match self.device.beyond_revision() {
            Some((property, revision)) => Err(KeyError::BeyondRevision(property, revision)),
            None => Ok(self.device),
        }
    }

    /// QEMU's rule for ids, to refuse what it would refuse.
    fn take_id(&mut self, id: &str) -> Result<(), KeyError> {
        self.once("id")?;
        let others = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let first = id.bytes().next().is_some_and(|it| it.is_ascii_alphabetic());
        match first && id.bytes().all(others) {
            true => Ok(()),
            false => Err(KeyError::BadValue(
                Shown::new(id),
                "an id is a letter and letters, digits, '-', '.', '_'",
            )),
        }
    }

    fn once(&mut self, name: &'static str) -> Result<(), KeyError> {
        if self.given.contains(&name) {
            return Err(KeyError::Twice(name));
        }
        self.given.push(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Messages, Msix, Pool, Priority};

    const B: Device = Device {
        pool: Pool::B,
        priority: Priority::High,
        vm_id: 200,
        revision: Revision::One,
        msix: Msix::Auto,
        command_latency_us: 0,
        messages: Messages::Off,
    };
    const DEFAULT: Device = Device {
        pool: Pool::A,
        priority: Priority::Medium,
        vm_id: 0,
        revision: Revision::One,
        msix: Msix::Auto,
        command_latency_us: 0,
        messages: Messages::Off,
    };
    const LIVE: Device = Device {
        revision: Revision::Two,
        ..B
    };
    const ASKING: Device = Device {
        revision: Revision::Three,
        messages: Messages::On,
        ..B
    };
    const SLOW: Device = Device {
        msix: Msix::Off,
        command_latency_us: 1000,
        ..LIVE
    };

    #[test]
    fn the_typed_key_names_devices_and_leaves_defaults_out() {
        for (value, devices) in [
            ("pool_id=B,priority=high,vm_id=200", vec![B]),
            ("vm_id=0xc8,priority=high,pool_id=B", vec![B]),
            ("pool_id=A", vec![DEFAULT]),
            ("revision=1", vec![DEFAULT]),
            ("pool_id=B,priority=high,vm_id=200,revision=2", vec![LIVE]),
            (
                "command-latency-us=1000,msix=off,pool_id=B,priority=high,vm_id=200,revision=2",
                vec![SLOW],
            ),
            (
                "pool_id=B,priority=high,vm_id=200,messages=on,revision=3",
                vec![ASKING],
            ),
            (
                "msix=off,command-latency-us=0",
                vec![Device {
                    msix: Msix::Off,
                    ..DEFAULT
                }],
            ),
            (
                "vm_id=0;pool_id=B,vm_id=200,priority=high",
                vec![DEFAULT, B],
            ),
        ] {
            assert_eq!(parse_typed(value.as_bytes()), Ok(devices), "{value}");
        }
    }

    #[test]
    fn what_is_written_to_a_key_is_what_is_read_from_it() {
        let devices = vec![B, DEFAULT, LIVE, SLOW, ASKING];
        let arguments = format_arguments(&devices);
        assert_eq!(parse_arguments(arguments.as_bytes()), Ok(devices.clone()));
        assert_eq!(parse_typed(format_typed(&devices).as_bytes()), Ok(devices));
    }

    #[test]
    fn the_older_key_is_read_if_it_says_nothing_else() {
        for (value, devices) in [
            ("-device vgpu-stub", vec![DEFAULT]),
            (
                "-device vgpu-stub,pool_id=B,priority=high,vm_id=200",
                vec![B],
            ),
            (
                " -device vgpu-stub,id=gpu0,pool_id=A  -device vgpu-stub,id=gpu1,pool_id=B,priority=high,vm_id=200 ",
                vec![DEFAULT, B],
            ),
            ("", vec![]),
            ("  ", vec![]),
        ] {
            assert_eq!(parse_arguments(value.as_bytes()), Ok(devices), "{value}");
        }
    }

    #[test]
    fn a_message_says_which_part_is_wrong_and_what_would_be_right() {
        for (value, message) in [
            (
                "",
                "a device is empty; name one of its properties, such as pool_id=A",
            ),
            (
                "pool_id=A;",
                "a device is empty; name one of its properties, such as pool_id=A",
            ),
            ("pool_id=B,", "'pool_id=B,': there is a ',' too many"),
            (",vm_id=1", "',vm_id=1': there is a ',' too many"),
            (
                "vm_id=1;pool_id=B,,vm_id=2",
                "'pool_id=B,,vm_id=2': there is a ',' too many",
            ),
            ("pool_id=C", "'pool_id=C': pool_id is A or B"),
            (
                "priority=High",
                "'priority=High': priority is low, medium or high",
            ),
            (
                "vm_id=-1",
                "'vm_id=-1': vm_id is a number from 0 to 4294967295",
            ),
            ("vm_id=010", "'vm_id=010': vm_id has no leading zero"),
            ("revision=4", "'revision=4': revision is 1, 2 or 3"),
            ("msix=maybe", "'msix=maybe': msix is auto, on or off"),
            ("msix=on", "msix=on needs revision=2"),
            ("messages=on,revision=2", "messages=on needs revision=3"),
            ("messages=1", "'messages=1': messages is on or off"),
            (
                "command-latency-us=1,revision=1",
                "command-latency-us needs revision=2",
            ),
            (
                "revision=2,command-latency-us=01",
                "'command-latency-us=01': command-latency-us has no leading zero",
            ),
            ("pool_id", "'pool_id' is not of the form name=value"),
            (
                "id=x",
                "'id' is no property; there are pool_id, priority, vm_id, revision, msix, \
                 command-latency-us and messages",
            ),
            (
                "pool_id=A,pool_id=B",
                "pool_id is given twice for one device",
            ),
            (
                "pool_id=A\n",
                "'pool_id=A\\n': only printable ASCII makes sense here",
            ),
        ] {
            let error = parse_typed(value.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message, "{value}");
        }
        let many = ["vm_id=1"; 9].join(";");
        let error = parse_typed(many.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are 9 devices, and at most 8 are possible"
        );
        assert_eq!(parse_typed(&[b'a'; 4097]), Err(KeyError::TooLong));
    }

    #[test]
    fn a_comma_too_many_is_said_of_the_older_key_too() {
        let error = parse_arguments(b"-device vgpu-stub,pool_id=B,").unwrap_err();
        assert_eq!(
            error.to_string(),
            "'vgpu-stub,pool_id=B,': there is a ',' too many"
        );
    }

    #[test]
    fn the_older_key_passes_no_argument_of_another_kind() {
        for value in [
            "-device",
            "vgpu-stub",
            "-device vgpu-stub -chardev file,id=x,path=/etc/shadow",
            "-device vgpu-stub -runas 0:0",
            "-device virtio-net-pci",
            "-device vgpu-stub2",
            "-device 'vgpu-stub'",
            "-device vgpu-stub,addr=2",
            "-device vgpu-stub,romfile=/etc/shadow",
            "-device vgpu-stub,pool_id=B,,x=y",
            "-device vgpu-stub,",
            "-device vgpu-stub,id=",
            "-device vgpu-stub,id=0",
            "-device\tvgpu-stub",
            "-device vgpu-stub\n-S",
            "-device vgpu-stub -S",
        ] {
            assert!(parse_arguments(value.as_bytes()).is_err(), "{value:?}");
        }
    }
}
