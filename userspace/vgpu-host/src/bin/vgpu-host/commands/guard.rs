// SPDX-License-Identifier: GPL-2.0

//! The guard, which xenopsd runs on the source before it migrates a VM.
//!
//! A VM with devices ends on a member that has no such device, or goes on without them
//! there. The destination is not said, so that every enabled member has to be prepared. A
//! VM without devices goes wherever it likes.
//!
//! xenopsd gives up the migration for every exit code but 0 and 1, and hands on what was
//! written to stdout; 1 it only logs.

use std::process::ExitCode;

use vgpu_cli::Problem;
use vgpu_host::keys;

use crate::commands::pool;
use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::failure::Failure;
use crate::output::stdout;

/// Keeps a VM from being migrated.
const REFUSED: u8 = 2;
/// How long one call of xe may take in seconds: a migration waits for all of them.
pub(crate) const PATIENCE: u32 = 15;
/// What comes before the VM's uuid.
const VM: &str = "-vmuuid";

/// Says whether a VM may be migrated.
pub(crate) fn guard(xe: &Xe, tree: &Tree, words: &[String]) -> ExitCode {
    let refusal = match refusal(xe, tree, words) {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(refusal)) => refusal,
        Err(failure) => format!(
            "whether the VM has vGPU stubs, and where it may go with them, is not known: {} ({})",
            failure.message(),
            failure.hint()
        ),
    };
    stdout(&format!("{refusal}\n"));
    ExitCode::from(REFUSED)
}

/// Why the VM is to stay, if it is.
fn refusal(xe: &Xe, tree: &Tree, words: &[String]) -> Result<Option<String>, Failure> {
    let named = words.iter().skip_while(|word| *word != VM).nth(1);
    let vm = named.ok_or_else(|| Failure::Usage(format!("there is no {VM}")))?;
    let has = |key| xe.platform(vm, key).map(|value| value.is_some());
    if !has(keys::TYPED)? && !has(keys::ARGUMENTS)? {
        return Ok(None);
    }
    let asked = pool::ask(xe, tree, &xe.enabled_members()?)?;
    let unprepared: Vec<String> = asked.iter().filter_map(pool::Asked::unprepared).collect();
    Ok(match unprepared[..] {
        [] => None,
        _ => Some(format!(
            "VM {vm} has vGPU stubs, and not every enabled host is prepared for it: {}. Prepare \
             the host, or disable it (xe host-disable), and try again",
            unprepared.join(" | ")
        )),
    })
}
