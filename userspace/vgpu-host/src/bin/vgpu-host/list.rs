// SPDX-License-Identifier: GPL-2.0

//! Listing the VMs that have devices.

use serde_json::{Value, json};
use vgpu_cli::Problem;
use vgpu_host::device;

use crate::Report;
use crate::attach::{devices, shown};
use crate::failure::Failure;
use crate::xe::Xe;

pub(crate) fn list(xe: &Xe) -> Result<Report, Failure> {
    let mut text = String::new();
    let mut vms: Vec<Value> = Vec::new();
    for uuid in xe.vms()? {
        // One VM's nonsense does not hide the others.
        match devices(xe, &uuid) {
            Ok(devices) if devices.is_empty() => {}
            Ok(devices) => {
                let name = xe.get(&uuid, "name-label")?;
                let state = xe.get(&uuid, "power-state")?;
                let mut objects = Vec::new();
                for (number, it) in devices.iter().enumerate() {
                    let id = device::id(number);
                    let label = name.escape_debug();
                    text.push_str(&format!("{uuid}  {label}  {state}  {id}  {it}\n"));
                    objects.push(shown((number, it)));
                }
                vms.push(json!({
                    "uuid": uuid, "name": name, "power_state": state, "devices": objects,
                }));
            }
            Err(failure @ Failure::BadKey { .. }) => {
                text.push_str(&format!("{uuid}  {failure}\n"));
                vms.push(json!({ "uuid": uuid, "error": failure.json() }));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(Report {
        text,
        member: Some(("vms", vms.into())),
        ..Report::default()
    })
}
