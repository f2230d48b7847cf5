// SPDX-License-Identifier: GPL-2.0

//! Whether what install did is there and has its effect.

use serde_json::{Value, json};
use vgpu_host::Shown;
use vgpu_host::layout::{HOOK, WRAPPER, XENOPSD_SETTING};

use crate::Report;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::install::is_of;
use crate::record::{Item, Record};
use crate::tree::Tree;
use crate::wrapper::Wrapper;
use crate::xenopsd;

/// One thing that was looked at.
struct Finding {
    name: &'static str,
    /// What there is.
    state: String,
    /// What to do, if that is not as it should be.
    hint: Option<&'static str>,
}

const INSTALL: &str = "run vgpu-host install";

pub(crate) fn status(tree: &Tree) -> Result<Report, Failure> {
    let record = Record::read(tree)?;
    let findings = [
        installed(record.as_ref()),
        hook(tree, record.as_ref())?,
        wrapper(tree, record.as_ref())?,
        setting(tree, record.as_ref())?,
    ];
    let mut text = String::new();
    for Finding { name, state, hint } in &findings {
        let (mark, hint) = match hint {
            None => ("ok", String::new()),
            Some(hint) => ("NO", format!(" ({hint})")),
        };
        text.push_str(&format!("{mark}  {name:<8} {state}{hint}\n"));
    }
    let whole = findings.iter().all(|finding| finding.hint.is_none());
    let checks = findings.iter().map(|Finding { name, state, hint }| {
        json!({ "name": name, "ok": hint.is_none(), "state": state, "hint": hint })
    });
    Ok(Report {
        text,
        member: Some((
            "status",
            json!({ "whole": whole, "checks": checks.collect::<Value>() }),
        )),
        exit: if whole { Exit::Ok } else { Exit::Mismatch },
        ..Report::default()
    })
}

fn installed(record: Option<&Record>) -> Finding {
    let (state, hint) = match record {
        Some(_) => ("vgpu-host install was here", None),
        None => ("vgpu-host install was not here", Some(INSTALL)),
    };
    Finding {
        name: "record",
        state: state.into(),
        hint,
    }
}

fn hook(tree: &Tree, record: Option<&Record>) -> Result<Finding, Failure> {
    let known = record.is_some_and(|record| record.entry(Item::Hook).is_some());
    let (state, hint) = match tree.read(HOOK)? {
        Some(found) if found.attributes.mode & 0o111 == 0o111 => ("is there", None),
        Some(_) => ("cannot be executed", Some(INSTALL)),
        None if known => ("is gone, or not yet there", Some(INSTALL)),
        None => ("is not there", Some(INSTALL)),
    };
    Ok(Finding {
        name: "hook",
        state: format!("{HOOK} {state}"),
        hint,
    })
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
        Some(Wrapper::Unknown) => (
            "reads device-model-args, and not by a patch that is known".into(),
            reinstall,
        ),
    };
    Ok(Finding {
        name: "wrapper",
        state: format!("{WRAPPER} {state}"),
        hint,
    })
}

/// The last line that sets it counts.
fn setting(tree: &Tree, record: Option<&Record>) -> Result<Finding, Failure> {
    let entry = record.and_then(|record| record.entry(Item::Setting));
    let settings = xenopsd::settings(tree)?;
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
        (None, Some(entry)) => (
            format!(
                "{} has lost {XENOPSD_SETTING}, by an update perhaps, or did not get it",
                entry.path
            ),
            Some(INSTALL),
        ),
        (None, None) => (format!("nothing sets {XENOPSD_SETTING}"), Some(INSTALL)),
    };
    Ok(Finding {
        name: "xenopsd",
        state,
        hint,
    })
}
