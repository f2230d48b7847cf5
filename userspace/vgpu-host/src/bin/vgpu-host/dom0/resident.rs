// SPDX-License-Identifier: GPL-2.0

//! VMs that run on this host.
//!
//! What xe says of a VM is so in the whole pool. The number of a domain means
//! something on one host only, and with it the socket of a device model and its
//! process. A [`Resident`] is what these are found by, and the only way to one leads
//! through both checks: xe says that the VM runs on this host, and this host's
//! xenstore says that the domain is the VM's.

use std::time::Duration;

use vgpu_host::Shown;
use vgpu_host::layout::INVENTORY;
use vgpu_host::xenstore::{self, Xenstore};

use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::failure::Failure;

/// How long one value of xenstore may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The variable of the inventory that is the host's uuid in the pool.
const INSTALLATION: &str = "INSTALLATION_UUID=";

/// A VM in a domain of this host.
pub(crate) struct Resident {
    vm: String,
    domain: u32,
}

impl Resident {
    /// Finds the domain of a VM; `None` if it runs nowhere.
    ///
    /// # Errors
    /// The VM runs on another member of the pool, or the domain is another VM's.
    pub(crate) fn find(xe: &Xe, tree: &Tree, vm: &str) -> Result<Option<Self>, Failure> {
        let Some(uuid) = xe.resident_on(vm)? else {
            return Ok(None);
        };
        if uuid != installation(tree)? {
            return Err(Failure::Elsewhere {
                vm: vm.into(),
                member: xe.member(&uuid)?,
            });
        }
        let Some(domain) = xe.domain(vm)? else {
            return Ok(None);
        };
        let resident = Resident {
            vm: vm.into(),
            domain,
        };
        resident.check(tree)?;
        Ok(Some(resident))
    }

    /// The number of its domain.
    pub(crate) fn domain(&self) -> u32 {
        self.domain
    }

    /// Checks that the domain is still the VM's, which may have been migrated or shut
    /// down since.
    pub(crate) fn check(&self, tree: &Tree) -> Result<(), Failure> {
        let xenstore = Xenstore {
            socket: xenstore::socket(tree.root()),
            patience: PATIENCE,
        };
        match xenstore.read(&format!("/local/domain/{}/vm", self.domain))? {
            Some(found) if found == format!("/vm/{}", self.vm).as_bytes() => Ok(()),
            found => Err(Failure::OtherDomain {
                vm: self.vm.clone(),
                domain: self.domain,
                found: match found {
                    Some(found) => format!("xenstore says {}", Shown::new(found)),
                    None => "xenstore has no such domain".into(),
                },
            }),
        }
    }
}

/// The uuid by which the pool knows this host.
fn installation(tree: &Tree) -> Result<String, Failure> {
    let found = tree.read(INVENTORY)?;
    let text = found.map(|found| String::from_utf8_lossy(&found.bytes).into_owned());
    let text = text.unwrap_or_default();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(INSTALLATION));
    match value.map(|value| value.trim().trim_matches(['\'', '"'])) {
        Some(uuid) if !uuid.is_empty() => Ok(uuid.into()),
        _ => Err(Failure::Refused {
            what: format!(
                "{} has no INSTALLATION_UUID, so it is not known whether the VM runs here",
                tree.shown(INVENTORY).display()
            ),
            hint: "run this in dom0 of the host where the VM runs",
        }),
    }
}
