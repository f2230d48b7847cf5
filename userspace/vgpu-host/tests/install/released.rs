// SPDX-License-Identifier: GPL-2.0

//! Installing over what a released version installed, and undoing both.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::dom0::{
    Dom0, Entry, HOOK, OUR_FILE, Release, SETTING, Snapshot, WRAPPER, long_ago, without_times,
};
use crate::releases::Released;
use crate::wrappers::{PYTHON_2, PYTHON_3, patched};

/// Stands for the hook of the released version.
pub(crate) const OLD_PROGRAM: &[u8] = b"\x7fELF and what belonged to it";
/// Where what a version left is kept.
const FILE: &str = "install.json";
/// What a file or a directory is, in the mode.
const KIND: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

/// A host on which something is installed, by a name.
pub(crate) struct Case(&'static str, fn() -> Dom0);

/// On which the released version does nothing that others do not.
pub(crate) const USUAL: [Case; 2] = [
    Case("8.2, wrapper patched", || {
        Dom0::new(Release::Xcp82, &patched(PYTHON_3, 1))
    }),
    Case("8.3, wrapper patched", || {
        Dom0::new(Release::Xcp83, &patched(PYTHON_3, 1))
    }),
];

const MORE: [Case; 6] = [
    Case("8.2", || Dom0::new(Release::Xcp82, PYTHON_3)),
    Case("8.3", || Dom0::new(Release::Xcp83, PYTHON_3)),
    Case("8.3, wrapper patched twice", || {
        Dom0::new(Release::Xcp83, &patched(PYTHON_3, 2))
    }),
    Case("8.2, wrapper for Python 2 patched", || {
        Dom0::new(Release::Xcp82, &patched(PYTHON_2, 1))
    }),
    // xenopsd does not read it, and the setting was put there all the same.
    Case("8.2, directory made by hand", || {
        let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
        fs::create_dir(dom0.path("etc/xenopsd.conf.d")).unwrap();
        dom0
    }),
    Case("8.3, hook and setting put there by hand", || {
        let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
        fs::create_dir_all(dom0.path(HOOK).parent().unwrap()).unwrap();
        dom0.put(HOOK, "an older one", 0o700);
        dom0.put(OUR_FILE, format!(" {SETTING} # by hand"), 0o600);
        dom0
    }),
];

impl Case {
    pub(crate) fn name(&self) -> &'static str {
        let Case(name, _) = self;
        name
    }

    /// The host as it was before anything was installed.
    pub(crate) fn before(&self) -> Dom0 {
        let Case(_, make) = self;
        make()
    }

    /// The host as a released version leaves it; with its program, it is that which does.
    pub(crate) fn installed_by(&self, released: &Released) -> Dom0 {
        let dom0 = self.before();
        match released.command() {
            Some(mut command) => {
                let hook = dom0.root().with_file_name("old-hook");
                fs::write(&hook, OLD_PROGRAM).unwrap();
                command.arg("install").arg("--root").arg(dom0.root());
                let output = command.arg("--hook").arg(hook).output().unwrap();
                assert!(output.status.success(), "{output:?}");
            }
            None => {
                let left: Value = serde_json::from_str(&released.left(FILE)).unwrap();
                put_changes(&dom0, &left[self.name()]);
            }
        }
        dom0
    }
}

/// What differs from how a host was before: the type and the mode of each file, whose it is
/// and whether it has the old time, and its text, or the file that had it before.
fn changes(before: &Snapshot, now: &Snapshot) -> Value {
    assert!(before.keys().all(|path| now.contains_key(path)));
    let stock = &before[Path::new(WRAPPER)];
    let changed = now
        .iter()
        .filter(|(path, it)| before.get(*path) != Some(it));
    changed
        .map(|(path, entry)| {
            let mut change = json!({ "mode": format!("{:o}", entry.mode) });
            if entry.mode & KIND != DIRECTORY {
                change["kept_owner"] = (entry.owner == stock.owner).into();
                change["kept_time"] = (entry.time == stock.time).into();
                let same = |(_, it): &(_, &Entry)| it.bytes == entry.bytes;
                match before.iter().find(same) {
                    Some((path, _)) => change["text_of"] = path.to_str().into(),
                    None => change["text"] = std::str::from_utf8(&entry.bytes).unwrap().into(),
                }
            }
            (path.to_str().unwrap().to_owned(), change)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Makes such changes.
fn put_changes(dom0: &Dom0, changes: &Value) {
    let before = dom0.snapshot();
    let stock = &before[Path::new(WRAPPER)];
    for (name, change) in changes.as_object().unwrap() {
        let path = dom0.path(name);
        let mode = u32::from_str_radix(change["mode"].as_str().unwrap(), 8).unwrap();
        if mode & KIND == DIRECTORY {
            fs::create_dir(&path).unwrap();
        } else {
            let bytes = match change["text_of"].as_str() {
                Some(other) => before[Path::new(other)].bytes.as_slice(),
                None => change["text"].as_str().unwrap().as_bytes(),
            };
            // Not into the old one, whose owner stays its owner.
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).unwrap();
            if change["kept_owner"] == true {
                chown(&path, Some(stock.owner.0), Some(stock.owner.1)).unwrap();
            }
            if change["kept_time"] == true {
                let file = File::options().append(true).open(&path).unwrap();
                file.set_modified(long_ago()).unwrap();
            }
        }
        fs::set_permissions(&path, Permissions::from_mode(mode & !KIND)).unwrap();
    }
}

/// The older version does not know all that there is to undo, and undoes nothing.
fn leaves_alone(mut older: Command, dom0: &Dom0) {
    let new = dom0.snapshot();
    older.arg("uninstall").arg("--root").arg(dom0.root());
    let output = older.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("use the version of vgpu-host that wrote it"),
        "{said}"
    );
    assert_eq!(dom0.snapshot(), new);
}

#[test]
fn what_a_released_version_installed_is_upgraded_and_undone_byte_for_byte() {
    for released in Released::all() {
        let mut left = Map::new();
        for case in USUAL.iter().chain(&MORE) {
            let name = case.name();
            let fresh = case.before();
            let old = fresh.snapshot();
            fresh.run("install").succeeded();
            let new = without_times(fresh.snapshot());

            let dom0 = case.installed_by(&released);
            left.insert(name.into(), changes(&old, &dom0.snapshot()));
            assert_eq!(dom0.status()["whole"], false, "{name}");
            dom0.run("install").succeeded();
            assert_eq!(without_times(dom0.snapshot()), new, "{name}");
            assert_eq!(dom0.status()["whole"], true, "{name}");
            assert_eq!(dom0.run("install").stdout, "there was nothing to do\n");
            if let Some(command) = released.command() {
                leaves_alone(command, &dom0);
            }
            dom0.run("uninstall").succeeded();
            assert_eq!(dom0.snapshot(), old, "{name}");

            let dom0 = case.installed_by(&released);
            dom0.run("uninstall").succeeded();
            assert_eq!(dom0.snapshot(), old, "{name}");
        }
        let left = format!("{:#}\n", Value::from(left));
        released.compare(FILE, &left);
    }
}
