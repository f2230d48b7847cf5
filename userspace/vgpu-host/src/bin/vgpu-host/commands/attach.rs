// SPDX-License-Identifier: GPL-2.0

//! Giving a VM devices and taking them away.

use serde_json::{Value, json};
use vgpu_host::{Device, KeyError, device, keys};

use crate::dom0::vm::{devices, write};
use crate::dom0::xe::Xe;
use crate::failure::Failure;
use crate::report::Report;

/// When a change of the keys shows.
pub(crate) const LATER: &str = "it counts when the VM is started or rebooted";

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
    keys::parse_typed(value.as_bytes()).map_err(|source| match source {
        KeyError::BeyondRevision(..) => Failure::Usage(source.to_string()),
        source => Failure::TooMany {
            vm: uuid.clone(),
            source,
        },
    })?;
    if !dry_run {
        write(xe, &uuid, &devices)?;
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
    // The one that counts goes last.
    for key in [keys::ARGUMENTS, keys::TYPED] {
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

/// A device, for programs.
pub(crate) fn shown((number, device): (usize, &Device)) -> Value {
    json!({
        "id": device::id(number),
        "pool_id": device.pool.name(),
        "priority": device.priority.name(),
        "vm_id": device.vm_id,
        "revision": device.revision.number(),
        "msix": device.msix.name(),
        "command_latency_us": device.command_latency_us,
        "messages": device.messages.name(),
    })
}
