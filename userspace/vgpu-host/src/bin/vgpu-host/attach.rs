// SPDX-License-Identifier: GPL-2.0

//! Giving a VM devices and taking them away.

use serde_json::json;
use vgpu_host::{Device, keys};

use crate::Report;
use crate::failure::Failure;
use crate::xe::Xe;

/// When a change of the keys shows.
const LATER: &str = "it counts when the VM is shut down and started";

/// Gives a VM one device, or one more.
pub(crate) fn attach(
    xe: &Xe,
    vm: &str,
    device: Device,
    add: bool,
    dry_run: bool,
) -> Result<Report, Failure> {
    let uuid = xe.resolve(vm)?;
    let mut devices = if add { devices(xe, &uuid)? } else { Vec::new() };
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
    Ok(Report {
        text: format!("{uuid}: {}={value}; {LATER}\n", keys::TYPED),
        member: Some(("vm", json!({ "uuid": uuid, keys::TYPED: value }))),
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
