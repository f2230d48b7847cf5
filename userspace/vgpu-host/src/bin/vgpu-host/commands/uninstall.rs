// SPDX-License-Identifier: GPL-2.0

//! Undoes what install did, the last change first: xenopsd no longer names the
//! hook when it goes. A file that somebody else changed since is not put back.

use vgpu_host::layout::{HOOK, STATE, WRAPPER};

use crate::commands::installed::{directory_to_write_in, is_of, report, tidy};
use crate::commands::list;
use crate::dom0::record::{Entry, Item, Record};
use crate::dom0::tree::{Found, Tree};
use crate::dom0::xe::Xe;
use crate::dom0::xenopsd::{self, Configuration};
use crate::failure::Failure;
use crate::report::Report;

/// Leaves the host's files as they were before. `notes` are what there is to say already.
pub(crate) fn uninstall(tree: &Tree, mut notes: Vec<String>) -> Result<Report, Failure> {
    let record = Record::read(tree)?.unwrap_or_default();
    refuse_if_needed(tree, &record)?;
    // All of them are read before the first is put back.
    let mut before = Vec::new();
    for item in [
        Item::Guard,
        Item::Setting,
        Item::Wrapper,
        Item::Plugin,
        Item::Program,
        Item::Hook,
    ] {
        if let Some(entry) = record.entry(item) {
            before.push((entry, entry.before(tree)?));
        }
    }
    tidy(tree)?;
    for (entry, before) in &before {
        match entry.item {
            Item::Setting => undo_setting(tree, entry, before.as_ref(), &mut notes)?,
            Item::Wrapper => undo_wrapper(tree, entry, before.as_ref(), &mut notes)?,
            Item::Hook | Item::Program | Item::Plugin | Item::Guard => {
                put_back(tree, entry, before.as_ref())?
            }
        }
    }
    for directory in record.directories.iter().rev() {
        tree.remove_directory(directory)?;
    }
    // While the record is there, what it names is.
    tree.remove(&Record::path())?;
    for item in Item::ALL {
        tree.remove(&item.kept())?;
    }
    tree.remove_directory(STATE)?;
    Ok(report(tree, notes))
}

/// Names the VMs that start without their devices when the hook is gone. Whatever the
/// toolstack says, it does not keep anybody from uninstalling.
///
/// It is asked before anybody has the tree to change: it may take its time.
pub(crate) fn still_with_devices(tree: &Tree, xe: &Xe) -> Result<Option<String>, Failure> {
    const DETACH: &str = "without the hook they start without them, and vgpu-host detach takes \
                          their keys away";
    let record = Record::read(tree)?.unwrap_or_default();
    if record.entry(Item::Hook).is_none() {
        return Ok(None);
    }
    Ok(match list::find(xe) {
        Ok((rows, _)) if rows.is_empty() => None,
        Ok((rows, _)) => Some(format!(
            "these VMs still have devices: {}; {DETACH}",
            list::named(rows.iter().map(|row| &row.vm))
        )),
        Err(failure) => Some(format!(
            "which VMs still have devices is not known: {failure}; {DETACH}"
        )),
    })
}

/// The hook does not go while somebody else's line names it.
fn refuse_if_needed(tree: &Tree, record: &Record) -> Result<(), Failure> {
    let goes = record.entry(Item::Hook).is_some_and(|it| !it.was_there);
    let ours = record.entry(Item::Setting).map(|entry| &entry.path);
    let settings = Configuration::of(tree)?.settings(tree)?;
    let other = settings
        .iter()
        .find(|setting| setting.is_ours() && Some(&setting.path) != ours);
    match other {
        Some(other) if goes => Err(Failure::Refused {
            what: format!(
                "{}:{} names {HOOK}, and vgpu-host did not write that line",
                tree.shown(&other.path).display(),
                other.line
            ),
            hint: "remove the line first; nothing was changed",
        }),
        _ => Ok(()),
    }
}

/// Leaves a file as it was before, unless it is.
fn put_back(tree: &Tree, entry: &Entry, before: Option<&Found>) -> Result<(), Failure> {
    match before {
        None => tree.remove(&entry.path),
        Some(before) if tree.read(&entry.path)?.as_ref() == Some(before) => Ok(()),
        Some(before) => {
            let at = directory_to_write_in(entry.item);
            tree.write(&entry.path, at, &before.bytes, &before.attributes)
        }
    }
}

/// Takes the setting out of the file that has it.
pub(crate) fn undo_setting(
    tree: &Tree,
    entry: &Entry,
    before: Option<&Found>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let Some(now) = tree.read(&entry.path)? else {
        return Ok(());
    };
    let installed = xenopsd::with_setting(before.map(|before| before.bytes.as_slice()));
    let without = xenopsd::without_setting(&now.bytes);
    if now.bytes == installed {
        put_back(tree, entry, before)?;
    } else if without != now.bytes {
        // Somebody added something to it, which stays.
        let at = directory_to_write_in(entry.item);
        tree.write(&entry.path, at, &without, &now.attributes.changed_now())?;
        notes.push(format!(
            "{} was changed since: only the setting was removed from it",
            entry.path
        ));
    } else {
        return Ok(());
    }
    notes.push(format!(
        "run xe-toolstack-restart now: until then xenopsd looks for {HOOK}, and no VM starts"
    ));
    Ok(())
}

fn undo_wrapper(
    tree: &Tree,
    entry: &Entry,
    before: Option<&Found>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let now = tree.read(&entry.path)?;
    if is_of(before, now.as_ref()) {
        put_back(tree, entry, before)?;
        notes.push(format!(
            "{WRAPPER} has the patch again that it had before: whoever may set a VM's platform \
             keys passes QEMU any argument; reinstalling its package removes it"
        ));
    } else if now.as_ref().map(|now| &now.bytes) != before.map(|before| &before.bytes) {
        notes.push(format!(
            "{WRAPPER} was changed since, by an update perhaps: it was left as it is"
        ));
    }
    Ok(())
}
