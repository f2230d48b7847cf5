// SPDX-License-Identifier: GPL-2.0

//! Listing the VMs that have devices.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vgpu_cli::Problem;
use vgpu_host::{Device, device};

use crate::commands::attach::shown;
use crate::dom0::vm::devices;
use crate::dom0::xe::{Kind, Listed, Unreadable, Xe};
use crate::failure::Failure;
use crate::report::Report;

/// A VM with devices, or with a key that makes no sense.
pub(crate) struct Row {
    pub(crate) vm: Listed,
    devices: Result<Vec<Device>, Failure>,
}

/// Finds the VMs, templates and snapshots that have devices, and those that could not be
/// read.
pub(crate) fn find(xe: &Xe) -> Result<(Vec<Row>, Vec<Unreadable>), Failure> {
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        for vm in xe.list(kind)? {
            match vm {
                Err(vm) => unreadable.push(vm),
                Ok(vm) if !vm.may_have_devices => {}
                Ok(vm) => match devices(xe, &vm.uuid) {
                    Ok(devices) if devices.is_empty() => {}
                    // No VM is to blame for a toolstack that does not answer.
                    Err(failure @ Failure::Program(_)) => return Err(failure),
                    devices => rows.push(Row { vm, devices }),
                },
            }
        }
    }
    Ok((rows, unreadable))
}

/// Lists VMs, templates and snapshots. What cannot be read of one does not hide the
/// others.
pub(crate) fn list(xe: &Xe) -> Result<Report, Failure> {
    let (rows, unreadable) = find(xe)?;
    let sharing = sharing(&rows);
    let vms = rows.iter().map(|row| row.json(&sharing));
    let failed = unreadable.iter().map(
        |Unreadable {
             kind,
             uuid,
             failure,
         }| { json!({ "uuid": uuid, "kind": kind.name(), "error": failure.json() }) },
    );
    let lines = rows.iter().map(Row::text);
    let failed_lines = unreadable
        .iter()
        .map(|Unreadable { uuid, failure, .. }| format!("{uuid}  {failure}\n"));
    Ok(Report {
        text: lines.chain(failed_lines).collect(),
        member: Some(("vms", vms.chain(failed).collect())),
        notes: sharing.iter().map(note).collect(),
        ..Report::default()
    })
}

impl Row {
    fn text(&self) -> String {
        let Listed {
            kind,
            uuid,
            name,
            state,
            ..
        } = &self.vm;
        let name = name.escape_debug();
        // Only a VM has a state that says something.
        let state = match kind {
            Kind::Vm => state,
            other => other.name(),
        };
        match &self.devices {
            Err(failure) => format!("{uuid}  {name}  {state}  {failure}\n"),
            Ok(devices) => {
                let lines = devices.iter().enumerate().map(|(number, it)| {
                    let id = device::id(number);
                    format!("{uuid}  {name}  {state}  {id}  {it}\n")
                });
                lines.collect()
            }
        }
    }

    fn json(&self, sharing: &Sharing) -> Value {
        let vm = &self.vm;
        let mut object = json!({
            "uuid": vm.uuid,
            "kind": vm.kind.name(),
            "name": vm.name,
            "power_state": vm.state,
            "resident_on": vm.resident_on,
        });
        match &self.devices {
            Err(failure) => object["error"] = failure.json(),
            Ok(devices) => {
                object["devices"] = devices.iter().enumerate().map(shown).collect();
                let others: Value = sharing
                    .values()
                    .filter(|vms| vms.iter().any(|it| it.uuid == vm.uuid))
                    .flatten()
                    .filter(|it| it.uuid != vm.uuid)
                    .map(|it| it.uuid.as_str())
                    .collect();
                object["same_vm_id"] = others;
            }
        }
        object
    }
}

/// The VMs that have a vm_id in common, by that.
type Sharing<'a> = BTreeMap<u32, Vec<&'a Listed>>;

/// Finds the vm_ids that more than one VM has. 0 is that of devices which were given
/// none; templates and snapshots do not run.
fn sharing(rows: &[Row]) -> Sharing<'_> {
    let mut sharing = Sharing::new();
    for row in rows.iter().filter(|row| row.vm.kind == Kind::Vm) {
        for device in row.devices.iter().flatten().filter(|it| it.vm_id != 0) {
            let vms = sharing.entry(device.vm_id).or_default();
            if !vms.iter().any(|vm| vm.uuid == row.vm.uuid) {
                vms.push(&row.vm);
            }
        }
    }
    sharing.retain(|_, vms| vms.len() > 1);
    sharing
}

fn note((vm_id, vms): (&u32, &Vec<&Listed>)) -> String {
    format!(
        "vm_id {vm_id} is that of {} VMs: {}; a clone and an import have the key of the VM that \
         they were made of, and vgpu-host set --vm-id gives them one of their own",
        vms.len(),
        named(vms.iter().copied())
    )
}

/// VMs, by what they can be found by.
pub(crate) fn named<'a>(vms: impl Iterator<Item = &'a Listed>) -> String {
    let names = vms.map(|vm| format!("{} ({})", vm.uuid, vm.name.escape_debug()));
    names.collect::<Vec<_>>().join(", ")
}
