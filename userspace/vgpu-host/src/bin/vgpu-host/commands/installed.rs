// SPDX-License-Identifier: GPL-2.0

//! Files that `install` writes: where they are written, and whether they are still its own.

use serde_json::json;
use vgpu_host::layout::{LIBEXEC, STATE};

use crate::dom0::record::Item;
use crate::dom0::tree::{Found, Tree};
use crate::dom0::wrapper::Wrapper;
use crate::failure::Failure;
use crate::report::Report;

/// Advice on a wrapper that reads keys.
pub(crate) const READS: &str = "see that it does not become an argument of QEMU, as whoever may \
                                set it could pass any; reinstalling the wrapper's package removes \
                                what was added to it";
/// Directories in which files are written, the outer ones first.
const WRITTEN_IN: [&str; 4] = ["/etc", "/usr/lib64/xen/bin", LIBEXEC, STATE];

/// Reports what install or uninstall has changed.
pub(crate) fn report(tree: &Tree, notes: Vec<String>) -> Report {
    let changes = tree.changes();
    let text = match changes[..] {
        [] => "there was nothing to do\n".into(),
        _ => changes.join("\n") + "\n",
    };
    Report {
        text,
        member: Some(("done", json!({ "changes": changes, "notes": notes }))),
        notes,
        ..Report::default()
    }
}

/// Removes what a killed run left unfinished.
pub(crate) fn tidy(tree: &Tree) -> Result<(), Failure> {
    tree.tidy(&WRITTEN_IN)
}

/// Returns the directory in which a file is written before it takes its place. xenopsd would read one
/// that is in its directory, and xapi call one that is in one of its own, whatever it is
/// called.
pub(crate) fn directory_to_write_in(item: Item) -> &'static str {
    let [etc, wrapper, hook, _] = WRITTEN_IN;
    match item {
        Item::Hook | Item::Program => hook,
        Item::Wrapper => wrapper,
        Item::Plugin | Item::Setting | Item::Guard => etc,
    }
}

/// Tells whether a wrapper is what install made of the one that was there before.
pub(crate) fn is_of(before: Option<&Found>, now: Option<&Found>) -> bool {
    match (before.map(|before| Wrapper::of(&before.bytes)), now) {
        (Some(Wrapper::Patched { stock, .. }), Some(now)) => now.bytes == stock,
        _ => false,
    }
}
