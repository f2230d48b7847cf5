// SPDX-License-Identifier: GPL-2.0

//! Whether what install did is there and has its effect.

use sha2::{Digest, Sha256};
use vgpu_cli::Finding;
use vgpu_host::layout::{
    GUARD, HOOK, HOOK_CONFIGURATION, PLUGIN, PROGRAM, WRAPPER, XENOPSD_SETTING,
};
use vgpu_host::{Shown, configuration};

use crate::commands::installed::{READS, is_of};
use crate::dom0::record::{Item, Record};
use crate::dom0::script;
use crate::dom0::tree::{Found, Tree};
use crate::dom0::wrapper::Wrapper;
use crate::dom0::xenopsd::Configuration;
use crate::failure::Failure;
use crate::finding;
use crate::report::Report;

const INSTALL: &str = "run vgpu-host install";
const CORRECT: &str = "correct that line";

pub(crate) fn status(tree: &Tree) -> Result<Report, Failure> {
    Ok(finding::report("status", &findings(tree)?))
}

/// What was installed.
pub(crate) fn findings(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let mut findings = of_hook(tree)?;
    findings.push(called("plugin", PLUGIN, script::PLUGIN, tree)?);
    findings.push(called("guard", GUARD, script::GUARD, tree)?);
    Ok(findings)
}

/// What has device models started through the hook, in the order in which it is used.
pub(crate) fn of_hook(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let record = Record::read(tree)?;
    Ok(vec![
        installed(record.as_ref()),
        hook(tree, record.as_ref())?,
        wrapper(tree, record.as_ref())?,
        setting(tree, record.as_ref())?,
    ])
}

/// Tells one hook from another one: the beginning of the SHA-256 of the one that is
/// installed, in hexadecimal digits.
pub(crate) fn hook_digest(tree: &Tree) -> Result<Option<String>, Failure> {
    const DIGITS: usize = 12;
    let found = tree.read(HOOK)?;
    Ok(found.map(|found| {
        let mut digest = format!("{:x}", Sha256::digest(&found.bytes));
        digest.truncate(DIGITS);
        digest
    }))
}

fn finding(name: &'static str, state: String, hint: Option<&'static str>) -> Finding {
    match hint {
        None => Finding::ok(name, state),
        Some(hint) => Finding::problem(name, state, hint),
    }
}

fn installed(record: Option<&Record>) -> Finding {
    let (state, hint) = match record {
        Some(_) => ("vgpu-host install was here", None),
        None => ("vgpu-host install was not here", Some(INSTALL)),
    };
    finding("record", state.into(), hint)
}

fn hook(tree: &Tree, record: Option<&Record>) -> Result<Finding, Failure> {
    let known = record.is_some_and(|record| record.entry(Item::Hook).is_some());
    let (state, hint) = match (tree.read(HOOK)?, bad_configuration(tree)?) {
        (Some(found), bad) if found.attributes.mode & 0o111 == 0o111 => match bad {
            Some(bad) => (format!("starts no VM: {bad}"), Some(CORRECT)),
            None => ("is there".into(), None),
        },
        (Some(_), _) => ("cannot be executed".into(), Some(INSTALL)),
        (None, _) if known => ("is gone, or not yet there".into(), Some(INSTALL)),
        (None, _) => ("is not there".into(), Some(INSTALL)),
    };
    Ok(finding("hook", format!("{HOOK} {state}"), hint))
}

/// The line of the hook's configuration for which it would stop every start, if there is
/// one, and what is wrong with it.
pub(crate) fn bad_configuration(tree: &Tree) -> Result<Option<String>, Failure> {
    let text = tree.bytes(HOOK_CONFIGURATION)?.unwrap_or_default();
    let bad = configuration::Configuration::parse(&text).err();
    Ok(bad.map(|bad| format!("{}:{bad}", tree.shown(HOOK_CONFIGURATION).display())))
}

fn wrapper(tree: &Tree, record: Option<&Record>) -> Result<Finding, Failure> {
    let found = tree.read(WRAPPER)?;
    let entry = record.and_then(|record| record.entry(Item::Wrapper));
    let reinstall = Some("reinstall its package, then run vgpu-host install");
    let (state, hint) = match found.as_ref().map(|found| Wrapper::of(&found.bytes)) {
        None => ("is not there".into(), reinstall),
        Some(Wrapper::Stock) => match entry {
            None => ("has no patch".into(), None),
            Some(entry) if is_of(entry.before(tree)?.as_ref(), found.as_ref()) => {
                ("has no patch any more".into(), None)
            }
            Some(_) => ("has no patch, and was updated since".into(), None),
        },
        Some(Wrapper::Patched { blocks, .. }) => (
            format!("has the patch for device-model-args, {blocks} times"),
            Some("run vgpu-host install, which removes it"),
        ),
        Some(Wrapper::Unknown(key)) => (
            format!("reads {key}, and not by a patch that is known"),
            reinstall,
        ),
        Some(Wrapper::Reads(line)) => (format!("reads a key of the VM: {line}"), Some(READS)),
    };
    Ok(finding("wrapper", format!("{WRAPPER} {state}"), hint))
}

/// A script that the toolstack calls, and the program that it calls.
fn called(name: &'static str, path: &str, script: &[u8], tree: &Tree) -> Result<Finding, Failure> {
    let executable = |found: &Found| found.attributes.mode & 0o111 == 0o111;
    let (state, hint) = match (tree.read(path)?, tree.read(PROGRAM)?) {
        (None, _) => (format!("{path} is not there"), Some(INSTALL)),
        (Some(found), _) if found.bytes != script || !executable(&found) => {
            (format!("{path} is not as it was installed"), Some(INSTALL))
        }
        (_, Some(program)) if executable(&program) => (format!("{path} is there"), None),
        _ => (
            format!("{PROGRAM}, which {path} calls, is not there or cannot be executed"),
            Some(INSTALL),
        ),
    };
    Ok(finding(name, state, hint))
}

/// The last line that sets it counts.
fn setting(tree: &Tree, record: Option<&Record>) -> Result<Finding, Failure> {
    let entry = record.and_then(|record| record.entry(Item::Setting));
    let configuration = Configuration::of(tree)?;
    let settings = configuration.settings(tree)?;
    let (state, hint) = match (settings.last(), entry) {
        (Some(last), _) if last.is_ours() => {
            (format!("{}:{} names the hook", last.path, last.line), None)
        }
        (Some(last), _) => (
            format!(
                "{}:{} names {}",
                last.path,
                last.line,
                Shown::new(&last.value)
            ),
            Some("remove that line if it is not needed, then run vgpu-host install"),
        ),
        (None, Some(entry)) if !configuration.reads(&entry.path) => (
            format!(
                "{} has {XENOPSD_SETTING}, and xenopsd reads {} and the files in {}",
                entry.path, configuration.file, configuration.directory
            ),
            Some(INSTALL),
        ),
        (None, Some(entry)) => (
            format!(
                "{} has lost {XENOPSD_SETTING}, by an update perhaps, or did not get it",
                entry.path
            ),
            Some(INSTALL),
        ),
        (None, None) => (format!("nothing sets {XENOPSD_SETTING}"), Some(INSTALL)),
    };
    Ok(finding("xenopsd", state, hint))
}
