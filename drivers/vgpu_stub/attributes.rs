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
        Uevent, //
    },
    command,
    driver::Vgpu,
    hw::Hw,
    uapi, //
};

attribute_groups! {
    pub(crate) static ATTRIBUTES: Vgpu = [PoolId, Priority, VmId, Command, Status];
}

/// Shows a value that was read at probe: no device access.
macro_rules! identity_attribute {
    ($attribute:ident, $name:literal, $write:ident) => {
        struct $attribute;

        #[vtable]
        impl Attribute<Vgpu> for $attribute {
            const NAME: &'static CStr = $name;

            fn show(device: &Device<Vgpu>, _hw: &Hw<'_>, out: &mut dyn fmt::Write) -> Result {
                Ok(device.data().identity.$write(out)?)
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
    let identity = &device.data().identity;
    event.add(c"VGPU_POOL_ID", |out| identity.write_pool_id(out))?;
    event.add(c"VGPU_PRIORITY", |out| identity.write_priority(out))?;
    event.add(c"VGPU_VM_ID", |out| identity.write_vm_id(out))
}
