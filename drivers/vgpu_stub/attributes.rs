// SPDX-License-Identifier: GPL-2.0

//! The attributes in `/sys/class/vgpu/vgpuN`, and the variables of uevents.
//!
//! `Documentation/ABI/testing/sysfs-class-vgpu` describes them.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    announcement,
    class::{
        attribute_groups,
        Attribute,
        Device,
        Uevent,
        Visibility, //
    },
    command,
    hw::Hw,
    identity::Part,
    live_config,
    uapi,
    vgpu::Vgpu, //
};

attribute_groups! {
    pub(crate) static ATTRIBUTES: Vgpu = [PoolId, Priority, VmId, Command, Status], if HasFeatures [
        Features,
        ConfigGeneration,
        CommandsSubmitted,
        CommandsCompleted,
        CommandResult,
    ], if HasMessages [Link];
}

/// Revision 1 has none of the registers behind these.
struct HasFeatures;

impl Visibility<Vgpu> for HasFeatures {
    fn is_visible(device: &Device<Vgpu>) -> bool {
        device.data().has_features()
    }
}

/// Only those with messages have a link to somebody who answers them.
struct HasMessages;

impl Visibility<Vgpu> for HasMessages {
    fn is_visible(device: &Device<Vgpu>) -> bool {
        device.data().has_messages()
    }
}

/// Shows a part of the identity.
macro_rules! identity_attribute {
    ($part:ident, $name:expr) => {
        struct $part;

        #[vtable]
        impl Attribute<Vgpu> for $part {
            const NAME: &'static CStr = $name;

            fn show(device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
                show_part(device, hw, out, Part::$part)
            }
        }
    };
}

identity_attribute!(PoolId, announcement::POOL_ID);
identity_attribute!(Priority, announcement::PRIORITY);
identity_attribute!(VmId, announcement::VM_ID);

/// Shows a part of the identity: on revision 1 as the register has it, as nothing announces a
/// change; on revision 2 as it was read when it last changed.
fn show_part(device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write, part: Part) -> Result {
    let identity = if device.data().has_live_config() {
        live_config::refresh_if_polled(device, hw);
        device.lock().identity
    } else {
        let value = hw.part(part)?;
        let mut state = device.lock();
        // For the next uevent.
        *state.identity.part_mut(part) = value;
        state.identity
    };
    Ok(identity.write(part, out)?)
}

struct Command;

#[vtable]
impl Attribute<Vgpu> for Command {
    const NAME: &'static CStr = c"command";

    fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        write_register(out, hw.command()?)
    }

    fn store(device: &Device<Vgpu>, _hw: &Hw<'_>, text: &[u8]) -> Result {
        let command = parse_command(text)?;
        // sysfs holds locks, so the task cannot be frozen: a suspend ends it as a signal does.
        command::submit(device, command, uapi::VGPU_TIMEOUT_DEFAULT_MS, false).map(|_| ())
    }
}

struct Status;

#[vtable]
impl Attribute<Vgpu> for Status {
    const NAME: &'static CStr = c"status";

    fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        write_register(out, hw.status()?.into_raw())
    }
}

struct Features;

#[vtable]
impl Attribute<Vgpu> for Features {
    const NAME: &'static CStr = c"features";

    fn show(device: &Device<Vgpu>, _hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        write_register(out, device.data().features)
    }
}

struct ConfigGeneration;

#[vtable]
impl Attribute<Vgpu> for ConfigGeneration {
    const NAME: &'static CStr = announcement::CONFIG_GENERATION;

    fn show(device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        live_config::refresh_if_polled(device, hw);
        let generation = device.lock().generation;
        show_number(out, generation)
    }
}

/// Shows a number that the device has.
macro_rules! number_attribute {
    ($attribute:ident, $name:literal, $read:ident) => {
        struct $attribute;

        #[vtable]
        impl Attribute<Vgpu> for $attribute {
            const NAME: &'static CStr = $name;

            fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
                show_number(out, hw.$read()?)
            }
        }
    };
}

struct Link;

#[vtable]
impl Attribute<Vgpu> for Link {
    const NAME: &'static CStr = c"link";

    fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        show_number(out, hw.link()?.into())
    }
}

number_attribute!(CommandsSubmitted, c"commands_submitted", submitted);
number_attribute!(CommandsCompleted, c"commands_completed", completed);
number_attribute!(CommandResult, c"result", result);

fn show_number(out: &mut dyn fmt::Write, number: u32) -> Result {
    Ok(write!(out, "{number}")?)
}

/// Writes the value of a register as `0x%08x`, which `fmt` would pad digit by digit.
fn write_register(out: &mut dyn fmt::Write, mut value: u32) -> Result {
    let mut text = *b"0x00000000";
    let [_, _, digits @ ..] = &mut text;
    for digit in digits.iter_mut().rev() {
        // CAST: Four bits.
        let nibble = (value & 0xf) as u8;
        *digit = nibble.wrapping_add(if nibble < 10 { b'0' } else { b'a' - 10 });
        value >>= 4;
    }
    Ok(out.write_str(core::str::from_utf8(&text).map_err(|_| EINVAL)?)?)
}

/// Parses a command: decimal or 0x-hexadecimal, with or without the newline of `echo`.
///
/// The kernel's own parser takes more (octal, binary, signs, underscores), which would be ABI.
fn parse_command(text: &[u8]) -> Result<u32> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        digits => (10, digits),
    };
    if digits.is_empty() {
        return Err(EINVAL);
    }
    digits
        .iter()
        .try_fold(0u32, |value, digit| {
            let digit = char::from(*digit).to_digit(radix)?;
            value.checked_mul(radix)?.checked_add(digit)
        })
        .ok_or(EINVAL)
}

/// Adds the identity to a uevent, as it was read last. May sleep.
pub(crate) fn uevent(device: &Device<Vgpu>, event: &mut Uevent<'_>) -> Result {
    let identity = device.lock().identity;
    for (key, part) in [
        (c"VGPU_POOL_ID", Part::PoolId),
        (c"VGPU_PRIORITY", Part::Priority),
        (c"VGPU_VM_ID", Part::VmId),
    ] {
        event.add(key, &|out: &mut dyn fmt::Write| identity.write(part, out))?;
    }
    Ok(())
}
