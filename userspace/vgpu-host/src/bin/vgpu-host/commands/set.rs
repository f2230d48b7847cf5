// SPDX-License-Identifier: GPL-2.0

//! Changing a device of a VM, at once if the VM runs.

use serde_json::{Value, json};
use vgpu_host::{Device, device};

use crate::cli::Change;
use crate::commands::attach::{LATER, shown};
use crate::dom0::resident::Resident;
use crate::dom0::running::Running;
use crate::dom0::tree::Tree;
use crate::dom0::vm::{devices, write};
use crate::dom0::xe::Xe;
use crate::failure::Failure;
use crate::report::Report;

/// The first revision of the device whose properties can change while it runs.
const LIVE: u64 = 2;

/// Changes what was asked for, in the running device and then in the key, so that
/// the next start has it too.
pub(crate) fn set(
    xe: &Xe,
    tree: &Tree,
    vm: &str,
    device: Option<&str>,
    change: &Change,
    dry_run: bool,
) -> Result<Report, Failure> {
    let uuid = xe.resolve(vm)?;
    let mut all = devices(xe, &uuid)?;
    let number = choose(&uuid, &all, device)?;
    let before = all[number];
    change.apply(&mut all[number]);
    let resident = Resident::find(xe, tree, &uuid)?;
    match (&resident, xe.get(&uuid, "power-state")?.as_str()) {
        (Some(_), _) | (None, "halted") => {}
        (None, state) => {
            return Err(Failure::Refused {
                what: format!("VM {uuid} is {state}, and is to continue as it was"),
                hint: "resume it or shut it down first",
            });
        }
    }
    let changes = change.properties();
    if let Some(resident) = &resident {
        let mut running = Running::connect(tree, resident)?;
        changeable(&mut running, &uuid, number)?;
        if !dry_run {
            for (done, (name, value)) in changes.iter().enumerate() {
                running
                    .change(number, name, value)
                    .map_err(|source| Failure::Partly {
                        done: changes[..done].iter().map(|(name, _)| *name).collect(),
                        source: Box::new(source),
                    })?;
            }
        }
    }
    if !dry_run {
        write(xe, &uuid, &all).map_err(|source| Failure::Partly {
            done: match resident {
                Some(_) => changes.iter().map(|(name, _)| *name).collect(),
                None => Vec::new(),
            },
            source: Box::new(source),
        })?;
    }
    let when = match resident {
        Some(_) => "now and after every start",
        None => LATER,
    };
    let id = device::id(number);
    Ok(Report {
        text: format!(
            "{uuid}: {id} is {} instead of {before}; {when}\n",
            all[number]
        ),
        member: Some((
            "vm",
            json!({
                "uuid": uuid,
                "id": id,
                "live": resident.is_some(),
                "before": shown((number, &before)),
                "after": shown((number, &all[number])),
            }),
        )),
        ..Report::default()
    })
}

/// The number of the device that is meant.
fn choose(uuid: &str, all: &[Device], named: Option<&str>) -> Result<usize, Failure> {
    let ids = || (0..all.len()).map(device::id).collect::<Vec<_>>();
    match (named, all.len()) {
        (_, 0) => Err(Failure::Refused {
            what: format!("VM {uuid} has no device"),
            hint: "vgpu-host attach gives it one",
        }),
        (None, 1) => Ok(0),
        (None, _) => Err(Failure::WhichDevice {
            vm: uuid.into(),
            ids: ids(),
        }),
        (Some(id), _) => {
            ids()
                .iter()
                .position(|it| it == id)
                .ok_or_else(|| Failure::NoSuchDevice {
                    vm: uuid.into(),
                    id: id.into(),
                    ids: ids(),
                })
        }
    }
}

/// Whether the running device is there and takes changes; a refusal if not.
fn changeable(running: &mut Running, uuid: &str, number: usize) -> Result<(), Failure> {
    let id = device::id(number);
    if !running.has(number)? {
        return Err(Failure::Refused {
            what: format!("VM {uuid} runs without {id}, which was attached since"),
            hint: "reboot it",
        });
    }
    // What has no such property is what there was before.
    let revision = running.property(number, "revision")?;
    match revision.as_ref().map_or(Some(1), Value::as_u64) {
        Some(revision) if revision >= LIVE => Ok(()),
        _ => Err(Failure::Refused {
            what: format!(
                "{id} of VM {uuid} is of revision 1, which cannot change while the VM runs"
            ),
            hint: "vgpu-host attach --revision 2 gives it another one when it is rebooted",
        }),
    }
}
