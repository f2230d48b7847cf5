// SPDX-License-Identifier: GPL-2.0

//! One vGPU stub, as the host defines it.

use std::fmt;
use std::str::FromStr;

use vgpu::parse_u32;

/// The pools that a device can belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pool {
    /// The default.
    #[default]
    A,
    /// The other one.
    B,
}

/// The priorities that a device can have within its pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Less than others.
    Low,
    /// The default.
    #[default]
    Medium,
    /// More than others.
    High,
}

/// The revisions of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revision {
    /// The default, which is the guide's.
    #[default]
    One = 1,
    /// With interrupts, commands that take time, and an identity that can change
    /// while the VM runs.
    Two = 2,
    /// With messages between the guest and the host.
    Three = 3,
}

/// Whether a device of revision 2 has MSI-X.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Msix {
    /// The default: if the machine can have it.
    #[default]
    Auto,
    /// It has, or QEMU does not start.
    On,
    /// It has not: interrupts come by the line.
    Off,
}

/// Whether a program on the host answers the messages of a device of revision 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// The default: nobody does.
    #[default]
    Off,
    /// Who connects to the device's socket does.
    On,
}

/// The properties of one device. The defaults are the device model's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The property `pool_id`.
    pub pool: Pool,
    /// The property `priority`.
    pub priority: Priority,
    /// The property `vm_id`.
    pub vm_id: u32,
    /// The property `revision`.
    pub revision: Revision,
    /// The property `msix`.
    pub msix: Msix,
    /// The property `command-latency-us`.
    pub command_latency_us: u32,
    /// Whether its property `chardev` names one.
    pub messages: Messages,
}

impl Revision {
    /// The number.
    pub fn number(self) -> u8 {
        // CAST: that is how they are declared.
        self as u8
    }
}

/// Gives a type the texts that the device model takes for its values.
macro_rules! texts {
    ($type:ident, $error:literal: $($value:ident $text:literal),+) => {
        impl $type {
            /// All of them, in this order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$value),+];

            /// The text that the device model takes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.into_iter().find(|it| it.name() == text);
                known.ok_or($error)
            }
        }
    };
}

texts!(Pool, "pool_id is A or B": A "A", B "B");
texts!(Priority, "priority is low, medium or high": Low "low", Medium "medium", High "high");
texts!(Revision, "revision is 1, 2 or 3": One "1", Two "2", Three "3");
texts!(Msix, "msix is auto, on or off": Auto "auto", On "on", Off "off");
texts!(Messages, "messages is on or off": Off "off", On "on");

/// Reads a `vm_id`.
///
/// # Errors
/// What a `vm_id` is. A leading zero is refused: to QEMU it means octal.
pub fn parse_vm_id(text: &str) -> Result<u32, &'static str> {
    number(
        text,
        "vm_id has no leading zero",
        "vm_id is a number from 0 to 4294967295",
    )
}

/// Reads a `command-latency-us`.
///
/// # Errors
/// What a `command-latency-us` is. A leading zero is refused as for a `vm_id`.
pub fn parse_latency(text: &str) -> Result<u32, &'static str> {
    number(
        text,
        "command-latency-us has no leading zero",
        "command-latency-us is a number from 0 to 4294967295",
    )
}

fn number(text: &str, octal: &'static str, other: &'static str) -> Result<u32, &'static str> {
    if text.len() > 1 && text.starts_with('0') && !text.starts_with("0x") {
        return Err(octal);
    }
    parse_u32(text).ok_or(other)
}

/// The typed key's text for the device.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Properties(self))?;
        match self.messages {
            Messages::On => f.write_str(",messages=on"),
            Messages::Off => Ok(()),
        }
    }
}

/// Properties of the device model, as both the typed key and QEMU have them.
struct Properties<'a>(&'a Device);

impl fmt::Display for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Device {
            pool,
            priority,
            vm_id,
            revision,
            msix,
            command_latency_us,
            messages: _,
        } = self.0;
        write!(f, "pool_id={pool},priority={priority},vm_id={vm_id}")?;
        // An older hook refuses properties that it does not know, and an older device
        // model has none of these: what it would do anyway is not said.
        if *revision != Revision::default() {
            write!(f, ",revision={revision}")?;
        }
        if *msix != Msix::default() {
            write!(f, ",msix={msix}")?;
        }
        if *command_latency_us != 0 {
            write!(f, ",command-latency-us={command_latency_us}")?;
        }
        Ok(())
    }
}

impl Device {
    /// Names the property that the device model refuses for the device's revision, and the
    /// first revision that has it.
    pub fn beyond_revision(&self) -> Option<(&'static str, Revision)> {
        match self.revision {
            Revision::One if self.msix == Msix::On => Some(("msix=on", Revision::Two)),
            Revision::One if self.command_latency_us != 0 => {
                Some(("command-latency-us", Revision::Two))
            }
            Revision::One | Revision::Two if self.messages == Messages::On => {
                Some(("messages=on", Revision::Three))
            }
            Revision::One | Revision::Two | Revision::Three => None,
        }
    }

    /// Begins what follows `-device` for the device with this number, up to its id.
    pub fn argument(&self, number: usize) -> String {
        let id = id(number);
        let properties = Properties(self);
        match self.messages {
            Messages::Off => format!("vgpu-stub,{properties},id={id}"),
            Messages::On => {
                format!("vgpu-stub,{properties},chardev={},id={id}", chardev(number))
            }
        }
    }
}

/// The id of the device with this number, by which QMP addresses it. It begins
/// with the name of the device, which nothing else does.
pub fn id(number: usize) -> String {
    format!("vgpu-stub{number}")
}

/// The id of the chardev by which the device with this number has messages.
pub fn chardev(number: usize) -> String {
    format!("{}-messages", id(number))
}

#[cfg(test)]
mod tests {
    use vgpu::uapi;

    use super::*;

    #[test]
    fn pools_and_priorities_are_those_of_the_contract() {
        let letters = Pool::ALL.map(|pool| pool.name().parse::<vgpu::PoolId>());
        let letters = letters.map(|pool| pool.unwrap().raw());
        assert_eq!(letters, [uapi::VGPU_POOL_ID_A, uapi::VGPU_POOL_ID_B]);
        for (raw, priority) in Priority::ALL.into_iter().enumerate() {
            let raw = vgpu::Priority::from_raw(raw.try_into().unwrap());
            assert_eq!(raw.name(), Some(priority.name()));
        }
    }

    #[test]
    fn the_argument_has_the_guides_text_in_front() {
        let mut device = Device {
            pool: Pool::B,
            priority: Priority::High,
            vm_id: 200,
            ..Device::default()
        };
        assert_eq!(
            device.argument(1),
            "vgpu-stub,pool_id=B,priority=high,vm_id=200,id=vgpu-stub1"
        );
        device.revision = Revision::Two;
        assert_eq!(
            device.argument(0),
            "vgpu-stub,pool_id=B,priority=high,vm_id=200,revision=2,id=vgpu-stub0"
        );
        device.msix = Msix::Off;
        device.command_latency_us = 100;
        assert_eq!(
            device.to_string(),
            "pool_id=B,priority=high,vm_id=200,revision=2,msix=off,command-latency-us=100"
        );
        device.revision = Revision::Three;
        device.messages = Messages::On;
        assert_eq!(
            device.to_string(),
            "pool_id=B,priority=high,vm_id=200,revision=3,msix=off,command-latency-us=100,messages=on"
        );
        // That is a word of ours, which no device model knows.
        assert!(
            device
                .argument(0)
                .ends_with(",chardev=vgpu-stub0-messages,id=vgpu-stub0")
        );
    }

    #[test]
    fn a_vm_id_is_a_number_that_qemu_reads_alike() {
        for (text, value) in [
            ("0", 0),
            ("200", 200),
            ("0xc8", 200),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(parse_vm_id(text), Ok(value), "{text}");
        }
        for text in ["", "010", "00", "-1", "+1", "4294967296", "two", "0X1 "] {
            assert!(parse_vm_id(text).is_err(), "{text:?}");
        }
    }
}
