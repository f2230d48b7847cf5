// SPDX-License-Identifier: GPL-2.0

//! The devices of a VM, as its keys say them.

use vgpu_host::{Device, keys};

use crate::dom0::xe::Xe;
use crate::failure::Failure;

/// Sets the key of a VM so that at no moment it is without devices.
///
/// xe removes a key before it adds it with another value. A VM that starts in between
/// would have no device, if it were not for the older key: it has the same devices for
/// that while.
pub(crate) fn write(xe: &Xe, uuid: &str, devices: &[Device]) -> Result<(), Failure> {
    let value = keys::format_typed(devices);
    match xe.platform(uuid, keys::TYPED)? {
        None => xe.set(uuid, keys::TYPED, &value),
        Some(now) if now == value => Ok(()),
        Some(_) => {
            xe.set(uuid, keys::ARGUMENTS, &keys::format_arguments(devices))?;
            xe.set(uuid, keys::TYPED, &value)?;
            xe.remove(uuid, keys::ARGUMENTS)
        }
    }
}

/// The devices that a VM has, by the key that the hook would take.
pub(crate) fn devices(xe: &Xe, uuid: &str) -> Result<Vec<Device>, Failure> {
    let bad = |key| {
        move |source| Failure::BadKey {
            vm: uuid.into(),
            key,
            source,
        }
    };
    if let Some(value) = xe.platform(uuid, keys::TYPED)? {
        return keys::parse_typed(value.as_bytes()).map_err(bad(keys::TYPED));
    }
    match xe.platform(uuid, keys::ARGUMENTS)? {
        Some(value) => keys::parse_arguments(value.as_bytes()).map_err(bad(keys::ARGUMENTS)),
        None => Ok(Vec::new()),
    }
}
