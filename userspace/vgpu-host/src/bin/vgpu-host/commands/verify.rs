// SPDX-License-Identifier: GPL-2.0

//! The whole chain from the host's package to the registers of a VM's devices, a
//! line for each link and how it was checked.

pub(crate) mod host;
mod vm;

use crate::dom0::resident::Resident;
use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::failure::Failure;
use crate::finding;
use crate::report::Report;

/// Checks the host, and a VM if there is one.
pub(crate) fn verify(xe: &Xe, tree: &Tree, vm: Option<&str>) -> Result<Report, Failure> {
    // A VM that does not exist is no finding, nor is one that another host knows more
    // about.
    let vm = match vm {
        Some(vm) => {
            let uuid = xe.resolve(vm)?;
            let resident = Resident::find(xe, tree, &uuid)?;
            Some((uuid, resident))
        }
        None => None,
    };
    let mut findings = host::findings(tree)?;
    findings.extend(vm::findings(xe, tree, vm.as_ref())?);
    Ok(finding::report("verify", &findings))
}
