// SPDX-License-Identifier: GPL-2.0

//! Giving a VM devices and taking them away.

use serde_json::{Value, json};
use vgpu_host::{Device, device, keys};

use crate::Report;
use crate::failure::Failure;
use crate::xe::Xe;

/// When a change of the keys shows.
pub(crate) const LATER: &str = "it counts when the VM is shut down and started";

/// Gives a VM one device, or one more.
pub(crate) fn attach(
    xe: &Xe,
    vm: &str,
    device: Device,
    add: bool,
    dry_run: bool,
) -> Result<Report, Failure> {
    let uuid = xe.resolve(vm)?;
    let before = match devices(xe, &uuid) {
        // What makes no sense is replaced as well.
        Err(Failure::BadKey { .. }) if !add => Vec::new(),
        before => before?,
    };
    let replaced = if add { &[] } else { &before[..] };
    let mut devices = if add { before.clone() } else { Vec::new() };
    devices.push(device);
    let value = keys::format_typed(&devices);
    // What the hook would refuse is not set.
    keys::parse_typed(value.as_bytes()).map_err(|source| Failure::TooMany {
        vm: uuid.clone(),
        source,
    })?;
    if !dry_run {
        xe.set(&uuid, keys::TYPED, &value)?;
    }
    let instead = match replaced {
        [] => String::new(),
        _ => format!(" instead of {}", keys::format_typed(replaced)),
    };
    let replaced: Vec<Value> = replaced.iter().enumerate().map(shown).collect();
    Ok(Report {
        text: format!("{uuid}: {}={value}{instead}; {LATER}\n", keys::TYPED),
        member: Some((
            "vm",
            json!({ "uuid": uuid, keys::TYPED: value, "replaced": replaced }),
        )),
        ..Report::default()
    })
}

/// Takes all devices of a VM away: both keys, since the older one would count
/// again without the typed one.
pub(crate) fn detach(xe: &Xe, vm: &str, dry_run: bool) -> Result<Report, Failure> {
    let uuid = xe.resolve(vm)?;
    let mut removed = Vec::new();
    for key in [keys::TYPED, keys::ARGUMENTS] {
        if xe.platform(&uuid, key)?.is_some() {
            if !dry_run {
                xe.remove(&uuid, key)?;
            }
            removed.push(key);
        }
    }
    let text = match removed[..] {
        [] => format!("{uuid}: there was no device\n"),
        _ => format!("{uuid}: removed {}; {LATER}\n", removed.join(", ")),
    };
    Ok(Report {
        text,
        member: Some(("vm", json!({ "uuid": uuid, "removed": removed }))),
        ..Report::default()
    })
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

/// A device, for programs.
pub(crate) fn shown((number, device): (usize, &Device)) -> Value {
    json!({
        "id": device::id(number),
        "pool_id": device.pool.name(),
        "priority": device.priority.name(),
        "vm_id": device.vm_id,
        "revision": device.revision.number(),
    })
}
