// SPDX-License-Identifier: GPL-2.0

//! The attributes in `/sys/class/vgpu/vgpuN`, and the variables of uevents.
//!
//! `Documentation/ABI/testing/sysfs-class-vgpu` describes them.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    class::{
        attribute_groups,
        Attribute,
        Device,
        Guard,
        Uevent,
        Visibility, //
    },
    command,
    driver::Vgpu,
    hw::Hw,
    identity::Identity,
    irq,
    uapi, //
};

attribute_groups! {
    pub(crate) static ATTRIBUTES: Vgpu = [PoolId, Priority, VmId, Command, Status], if HasFeatures [
        Features,
        ConfigGeneration,
        CommandsSubmitted,
        CommandsCompleted,
        CommandResult,
    ];
}

/// Revision 1 has none of the registers behind these.
struct HasFeatures;

impl Visibility<Vgpu> for HasFeatures {
    fn is_visible(device: &Device<Vgpu>) -> bool {
        device.data().features != 0
    }
}

/// Shows a value that was read when it last changed: no device access, unless the device cannot say
/// that it did.
macro_rules! identity_attribute {
    ($attribute:ident, $name:literal, $write:ident) => {
        struct $attribute;

        #[vtable]
        impl Attribute<Vgpu> for $attribute {
            const NAME: &'static CStr = $name;

            fn show(device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
                irq::catch_up(device, hw);
                let identity = device.with_state(|state| state.identity);
                Ok(identity.$write(out)?)
            }
        }
    };
}

identity_attribute!(PoolId, c"pool_id", write_pool_id);
identity_attribute!(Priority, c"priority", write_priority);
identity_attribute!(VmId, c"vm_id", write_vm_id);

struct Command;

#[vtable]
impl Attribute<Vgpu> for Command {
    const NAME: &'static CStr = c"command";

    fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        Ok(write!(out, "{:#010x}", hw.command()?)?)
    }

    fn store(device: &Device<Vgpu>, _hw: &Hw<'_>, text: &[u8]) -> Result {
        let command = parse_command(text)?;
        command::submit(device, command, uapi::VGPU_TIMEOUT_DEFAULT_MS).map(|_| ())
    }
}

struct Status;

#[vtable]
impl Attribute<Vgpu> for Status {
    const NAME: &'static CStr = c"status";

    fn show(_device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        Ok(write!(out, "{:#010x}", hw.status()?.into_raw())?)
    }
}

struct Features;

#[vtable]
impl Attribute<Vgpu> for Features {
    const NAME: &'static CStr = c"features";

    fn show(device: &Device<Vgpu>, _hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        Ok(write!(out, "{:#010x}", device.data().features)?)
    }
}

struct ConfigGeneration;

#[vtable]
impl Attribute<Vgpu> for ConfigGeneration {
    const NAME: &'static CStr = c"config_generation";

    fn show(device: &Device<Vgpu>, hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
        irq::catch_up(device, hw);
        let generation = device.with_state(|state| state.generation);
        Ok(write!(out, "{generation}")?)
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
                let number = hw.$read();
                // Any number is one; the status tells whether somebody said it.
                hw.status()?;
                Ok(write!(out, "{number}")?)
            }
        }
    };
}

number_attribute!(CommandsSubmitted, c"commands_submitted", submitted);
number_attribute!(CommandsCompleted, c"commands_completed", completed);
number_attribute!(CommandResult, c"result", result);

/// Tells those who poll the attributes, and user space at large, that the identity has changed.
pub(crate) fn announce(guard: &Guard<'_, Vgpu>, before: &Identity, now: &Identity) {
    for (name, changed) in [
        (PoolId::NAME, before.pool_id != now.pool_id),
        (Priority::NAME, before.priority != now.priority),
        (VmId::NAME, before.vm_id != now.vm_id),
        (ConfigGeneration::NAME, true),
    ] {
        if changed {
            guard.notify_attribute(name);
        }
    }
    guard.announce_change();
}

/// Takes a command as decimal or 0x-hexadecimal, with or without the newline of `echo`.
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

/// Adds what the rules of a guest want to know to a uevent.
pub(crate) fn uevent(device: &Device<Vgpu>, event: &mut Uevent<'_>) -> Result {
    let identity = device.with_state(|state| state.identity);
    event.add(c"VGPU_POOL_ID", |out| identity.write_pool_id(out))?;
    event.add(c"VGPU_PRIORITY", |out| identity.write_priority(out))?;
    event.add(c"VGPU_VM_ID", |out| identity.write_vm_id(out))
}
