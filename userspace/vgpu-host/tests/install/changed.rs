// SPDX-License-Identifier: GPL-2.0

//! What others do to the files between install and uninstall.

use std::fs;
use std::process::Command;

use crate::dom0::{
    CONFIGURATION, Dom0, GUARD, HOOK, OUR_FILE, PLUGIN, PROGRAM_FILE, Release, SETTING, STOCK,
    WRAPPER, without_times,
};
use crate::wrappers::{PYTHON_3, patched};

#[test]
fn a_wrapper_that_was_updated_is_not_put_back() {
    let dom0 = Dom0::new(Release::Xcp83, &patched(PYTHON_3, 1));
    dom0.run("install").succeeded();
    let updated = format!("{PYTHON_3}# updated\n");
    dom0.put(WRAPPER, &updated, 0o755);
    let status = dom0.status();
    assert_eq!(status["whole"], true);
    assert!(status.to_string().contains("updated since"), "{status}");
    let run = dom0.run("uninstall");
    run.succeeded();
    assert!(run.stderr.contains("left as it is"), "{}", run.stderr);
    assert_eq!(dom0.text(WRAPPER).unwrap(), updated);
    assert!(!dom0.path("var/lib/vgpu-stub").exists());
}

#[test]
fn a_patch_that_comes_back_is_seen_and_removed_again() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    dom0.run("install").succeeded();
    dom0.put(WRAPPER, patched(PYTHON_3, 2), 0o755);
    let status = dom0.status();
    assert_eq!(status["whole"], false);
    assert!(status.to_string().contains("2 times"), "{status}");
    dom0.run("install").succeeded();
    assert_eq!(dom0.text(WRAPPER).unwrap(), PYTHON_3);
    assert_eq!(dom0.status()["whole"], true);
    let run = dom0.run("uninstall");
    assert!(run.stderr.contains("has the patch again"), "{}", run.stderr);
    assert_eq!(dom0.text(WRAPPER).unwrap(), patched(PYTHON_3, 2));
}

#[test]
fn a_setting_or_hook_that_an_update_took_away_is_seen_and_comes_again() {
    for (release, path) in [
        (Release::Xcp82, CONFIGURATION),
        (Release::Xcp83, OUR_FILE),
        (Release::Xcp83, HOOK),
        (Release::Xcp83, PROGRAM_FILE),
        (Release::Xcp83, PLUGIN),
        (Release::Xcp83, GUARD),
    ] {
        let dom0 = Dom0::new(release, PYTHON_3);
        let old = dom0.snapshot();
        dom0.run("install").succeeded();
        let new = without_times(dom0.snapshot());
        match path {
            CONFIGURATION => dom0.put(path, STOCK, 0o640),
            _ => fs::remove_file(dom0.path(path)).unwrap(),
        }
        let status = dom0.status();
        assert_eq!(status["whole"], false, "{path}");
        assert!(status.to_string().contains("run vgpu-host install"));
        dom0.run("install").succeeded();
        assert_eq!(without_times(dom0.snapshot()), new, "{path}");
        dom0.run("uninstall").succeeded();
        assert_eq!(dom0.snapshot(), old, "{path}");
    }
}

/// A limit for the size of files stands for a disk that is full: the record
/// still fits, and the hook does not.
#[test]
fn a_file_that_cannot_be_written_is_named_and_the_host_works() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    let old = dom0.snapshot();
    let limited = "trap '' XFSZ; ulimit -f 4; exec \"$0\" install --root \"$1\"";
    let output = Command::new("bash")
        .args(["-c", limited, env!("CARGO_BIN_EXE_vgpu-host")])
        .arg(dom0.root())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(HOOK), "{stderr}");
    let hooks = fs::read_dir(dom0.path(HOOK).parent().unwrap()).unwrap();
    assert_eq!(hooks.count(), 0);
    assert_eq!(dom0.text(OUR_FILE), None);
    assert_eq!(dom0.status()["whole"], false);
    dom0.run("uninstall").succeeded();
    assert_eq!(dom0.snapshot(), old);
}

#[test]
fn what_was_added_to_the_configuration_stays() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    dom0.run("install").succeeded();
    dom0.put(CONFIGURATION, format!("{STOCK}{SETTING}\nmore=1\n"), 0o640);
    assert_eq!(dom0.status()["whole"], true);
    let run = dom0.run("uninstall");
    run.succeeded();
    assert!(run.stderr.contains("changed since"), "{}", run.stderr);
    assert_eq!(
        dom0.text(CONFIGURATION).unwrap(),
        format!("{STOCK}more=1\n")
    );
}
