// SPDX-License-Identifier: GPL-2.0

//! Has xenopsd start the hook and xapi find the plugin and the guard, and takes the older way's
//! patch out of the stock wrapper.
//!
//! Everything is looked at before anything is changed. The order of the changes
//! has every state between them work: the files as they were are kept first,
//! xenopsd's setting comes when the hook is there, and the guard, which keeps VMs from
//! being migrated, comes last.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use vgpu_host::layout::{GUARD, HOOK, LIBEXEC, PLUGIN, PROGRAM, STATE, WRAPPER, XENOPSD_SETTING};

use crate::commands::installed::{READS, directory_to_write_in, is_of, report, tidy};
use crate::commands::status;
use crate::commands::uninstall;
use crate::dom0::record::{Entry, Item, Record};
use crate::dom0::replace::Attributes;
use crate::dom0::script;
use crate::dom0::tree::{Found, Tree};
use crate::dom0::wrapper::Wrapper;
use crate::dom0::xenopsd::{self, Configuration};
use crate::failure::Failure;
use crate::report::Report;

/// What has to follow a change of the setting.
pub(crate) const RESTART: &str =
    "xenopsd reads its setting when it starts: run xe-toolstack-restart";
/// Directories that are made where they are not there.
const DIRECTORIES: [&str; 5] = [
    "/usr/libexec",
    LIBEXEC,
    "/etc/xapi.d",
    "/etc/xapi.d/plugins",
    "/etc/xapi.d/vm-pre-migrate",
];
/// A file that is to have another content.
struct Change {
    item: Item,
    path: String,
    /// What is there now.
    found: Option<Found>,
    bytes: Vec<u8>,
    attributes: Attributes,
}

pub(crate) fn install(
    tree: &Tree,
    hook: Option<&Path>,
    program: Option<&Path>,
) -> Result<Report, Failure> {
    let hook = read_program(
        hook,
        |this| this.with_file_name("vgpu-dm-hook"),
        "name the program vgpu-dm-hook with --hook",
    )?;
    let program = read_program(
        program,
        Path::to_path_buf,
        "name the program vgpu-host with --program",
    )?;
    if let Some(what) = status::bad_configuration(tree)? {
        return Err(Failure::Refused {
            what,
            hint: "with that line the hook stops every start of a VM: correct it first; nothing \
                   was changed",
        });
    }
    let mut changes = Vec::new();
    changes.extend(change_own(tree, Item::Hook, HOOK, hook)?);
    changes.extend(change_own(tree, Item::Program, PROGRAM, program)?);
    changes.extend(change_own(tree, Item::Plugin, PLUGIN, script::PLUGIN)?);
    changes.extend(change_wrapper(tree)?);
    changes.extend(change_setting(tree)?);
    changes.extend(change_own(tree, Item::Guard, GUARD, script::GUARD)?);

    let old = Record::read(tree)?;
    let record = next_record(tree, old.clone(), &changes)?;
    tidy(tree)?;
    if let Some(entry) = old.as_ref().and_then(|old| moved(old, &changes)) {
        uninstall::undo_setting(tree, entry, entry.before(tree)?.as_ref(), &mut Vec::new())?;
    }
    if old.as_ref() != Some(&record) || !changes.is_empty() {
        tree.make_directory(STATE)?;
        for Change { item, found, .. } in &changes {
            let known = old.as_ref().and_then(|old| old.entry(*item)).is_some();
            if let Some(found) = found.as_ref().filter(|_| !known || !item.is_ours()) {
                tree.write(&item.kept(), STATE, &found.bytes, &found.attributes)?;
            }
        }
        if old.as_ref() != Some(&record) {
            record.write(tree)?;
        }
    }
    for directory in &record.directories {
        tree.make_directory(directory)?;
    }
    for change in &changes {
        let at = directory_to_write_in(change.item);
        tree.write(&change.path, at, &change.bytes, &change.attributes)?;
    }
    // Of a file that is no longer the one that was changed.
    for item in Item::ALL {
        if !record.entry(item).is_some_and(|entry| entry.was_there) {
            tree.remove(&item.kept())?;
        }
    }
    let set = changes.iter().any(|change| change.item == Item::Setting);
    let mut notes: Vec<String> = set.then(|| RESTART.into()).into_iter().collect();
    let wrapper = tree.read(WRAPPER)?;
    if let Some(Wrapper::Reads(line)) = wrapper.map(|found| Wrapper::of(&found.bytes)) {
        notes.push(format!("{WRAPPER} reads a key of the VM: {line}; {READS}"));
    }
    Ok(report(tree, notes))
}

/// The setting in a file that xenopsd does not read any more, if another one gets it now.
fn moved<'a>(old: &'a Record, changes: &[Change]) -> Option<&'a Entry> {
    let change = changes.iter().find(|it| it.item == Item::Setting)?;
    old.entry(Item::Setting)
        .filter(|entry| entry.path != change.path)
}

/// Reads one of the two programs: the file that was named, or the one that `usual` makes of
/// the path of this program.
fn read_program(
    named: Option<&Path>,
    usual: impl FnOnce(&Path) -> PathBuf,
    hint: &'static str,
) -> Result<Vec<u8>, Failure> {
    let path: PathBuf = match named {
        Some(path) => path.into(),
        None => env::current_exe()
            .map(|this| usual(&this))
            .map_err(|source| Failure::File {
                path: "/proc/self/exe".into(),
                source,
            })?,
    };
    let refused = |what: &str| Failure::Refused {
        what: format!("{}: {what}", path.display()),
        hint,
    };
    let bytes = fs::read(&path).map_err(|error| refused(&error.to_string()))?;
    // Whatever else would be started for every VM.
    match bytes.starts_with(b"\x7fELF") {
        true => Ok(bytes),
        false => Err(refused("this is no program")),
    }
}

/// A file of ours, which can be executed.
fn change_own(
    tree: &Tree,
    item: Item,
    path: &str,
    bytes: impl Into<Vec<u8>>,
) -> Result<Option<Change>, Failure> {
    let bytes = bytes.into();
    let found = tree.read(path)?;
    let same = |found: &Found| found.bytes == bytes && found.attributes.mode == 0o755;
    if found.as_ref().is_some_and(same) {
        return Ok(None);
    }
    Ok(Some(Change {
        item,
        path: path.into(),
        found,
        bytes,
        attributes: Attributes::new(0o755),
    }))
}

fn change_wrapper(tree: &Tree) -> Result<Option<Change>, Failure> {
    let full = tree.shown(WRAPPER);
    let Some(found) = tree.read(WRAPPER)? else {
        return Err(Failure::Refused {
            what: format!("there is no {}", full.display()),
            hint: "run this in dom0 of an XCP-ng host; nothing was changed",
        });
    };
    match Wrapper::of(&found.bytes) {
        Wrapper::Stock | Wrapper::Reads(_) => Ok(None),
        Wrapper::Patched { stock, .. } => Ok(Some(Change {
            item: Item::Wrapper,
            path: WRAPPER.into(),
            bytes: stock,
            attributes: found.attributes.changed_now(),
            found: Some(found),
        })),
        Wrapper::Unknown(key) => Err(Failure::Refused {
            what: format!(
                "{} reads {key}, and not by a patch that is known",
                full.display()
            ),
            hint: "reinstall its package (rpm -qf names it); nothing was changed",
        }),
    }
}

fn change_setting(tree: &Tree) -> Result<Option<Change>, Failure> {
    let configuration = Configuration::of(tree)?;
    let settings = configuration.settings(tree)?;
    if let Some(other) = settings.iter().find(|setting| !setting.is_ours()) {
        return Err(Failure::Refused {
            what: format!(
                "{}:{}: {XENOPSD_SETTING} names {} already",
                tree.shown(&other.path).display(),
                other.line,
                vgpu_host::Shown::new(&other.value)
            ),
            hint: "remove that line if it is not needed; nothing was changed",
        });
    }
    if !settings.is_empty() {
        return Ok(None);
    }
    let Some(path) = configuration.place(tree)? else {
        return Err(Failure::Refused {
            what: format!("there is no {}", tree.shown(&configuration.file).display()),
            hint: "run this in dom0 of an XCP-ng host; nothing was changed",
        });
    };
    let found = tree.read(&path)?;
    let bytes = xenopsd::with_setting(found.as_ref().map(|found| found.bytes.as_slice()));
    let attributes = match &found {
        Some(found) => found.attributes.changed_now(),
        None => Attributes::new(0o644),
    };
    Ok(Some(Change {
        item: Item::Setting,
        path,
        found,
        bytes,
        attributes,
    }))
}

/// What the record says when these changes have been made.
fn next_record(tree: &Tree, old: Option<Record>, changes: &[Change]) -> Result<Record, Failure> {
    let mut record = old.unwrap_or_default();
    for directory in DIRECTORIES {
        let known = record.directories.iter().any(|it| it == directory);
        if !known && !tree.is_directory(directory)? {
            record.directories.push(directory.into());
        }
    }
    for change in changes {
        if change.item.is_ours() && record.entry(change.item).is_some() {
            continue;
        }
        // The wrapper and xenopsd's file belong to packages: one that has to be
        // changed again is another one, and that is the one to go back to.
        record.forget(change.item);
        record.entries.push(Entry {
            item: change.item,
            path: change.path.clone(),
            was_there: change.found.is_some(),
        });
    }
    let wrapper_changes = changes.iter().any(|it| it.item == Item::Wrapper);
    if let (Some(entry), false) = (record.entry(Item::Wrapper), wrapper_changes) {
        let before = entry.before(tree)?;
        if !is_of(before.as_ref(), tree.read(WRAPPER)?.as_ref()) {
            record.forget(Item::Wrapper);
        }
    }
    // What was changed again is where it was before.
    record.entries.sort_by_key(|entry| entry.item);
    Ok(record)
}
