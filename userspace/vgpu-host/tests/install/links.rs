// SPDX-License-Identifier: GPL-2.0

//! Symbolic links in a tree, which lead to where they do on the host that it is of.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::dom0::{Dom0, HOOK, Release, everything_in};
use crate::wrappers::PYTHON_3;

/// Moves a directory of the tree out of it, with a link in its place.
fn lead_out(dom0: &Dom0, directory: &str, target: &Path) {
    fs::rename(dom0.path(directory), target).unwrap();
    symlink(target, dom0.path(directory)).unwrap();
}

#[test]
fn a_link_does_not_lead_out_of_the_tree() {
    for directory in ["etc", "etc/xenopsd.conf.d", "usr/lib64/xen/bin", "var/lib"] {
        let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target");
        lead_out(&dom0, directory, &target);
        let old = everything_in(&target);
        // On the host, the link leads to a place that is not there.
        for action in ["install", "uninstall"] {
            dom0.run(action);
            assert_eq!(everything_in(&target), old, "{directory}: {action}");
        }
    }
}

#[test]
fn links_of_the_host_lead_to_its_own_files() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    fs::create_dir_all(dom0.path("data")).unwrap();
    fs::rename(dom0.path("usr"), dom0.path("data/usr")).unwrap();
    symlink("/data/usr", dom0.path("usr")).unwrap();
    fs::rename(dom0.path("etc/xenopsd.conf.d"), dom0.path("data/conf")).unwrap();
    symlink("../data/conf", dom0.path("etc/xenopsd.conf.d")).unwrap();
    let old = dom0.snapshot();
    dom0.run("install").succeeded();
    assert!(dom0.path("data").join(HOOK).exists());
    assert!(dom0.path("data/conf/vgpu-stub.conf").exists());
    assert_eq!(dom0.status()["whole"], true);
    dom0.run("uninstall").succeeded();
    assert_eq!(dom0.snapshot(), old);
}
