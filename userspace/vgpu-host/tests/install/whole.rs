// SPDX-License-Identifier: GPL-2.0

//! Installing on hosts of both releases, and uninstalling again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::dom0::{
    CONFIGURATION, Dom0, GUARD, HOOK, OUR_FILE, PLUGIN, PROGRAM, PROGRAM_FILE, RELEASES, Release,
    SETTING, STOCK, WRAPPER,
};
use crate::wrappers::{PYTHON_2, PYTHON_3, patched};

/// Wrappers, and what they are without any patch.
fn wrappers() -> Vec<(String, &'static str)> {
    let mut wrappers = Vec::new();
    for stock in [PYTHON_3, PYTHON_2] {
        for times in 0..3 {
            wrappers.push((patched(stock, times), stock));
        }
    }
    wrappers
}

#[test]
fn the_patch_is_in_a_wrapper_as_often_as_it_is_said_to_be() {
    let blocks = |text: &str| text.matches("# Read additional device-model-args").count();
    assert_eq!(blocks(&patched(PYTHON_3, 1)), 1);
    assert_eq!(blocks(&patched(PYTHON_3, 2)), 2);
    let lines = PYTHON_2.lines().count();
    assert_eq!(blocks(&patched(PYTHON_2, 1)), lines);
    assert!(blocks(&patched(PYTHON_2, 2)) > 2 * lines);
}

#[test]
fn install_makes_a_whole_and_uninstall_leaves_what_was_there() {
    for release in RELEASES {
        for (wrapper, stock) in wrappers() {
            let dom0 = Dom0::new(release, &wrapper);
            let old = dom0.snapshot();
            assert_eq!(dom0.status()["whole"], false);

            let run = dom0.run("install");
            run.succeeded();
            assert!(
                run.stderr.contains("xe-toolstack-restart"),
                "{}",
                run.stderr
            );
            assert_eq!(dom0.text(WRAPPER).unwrap(), stock);
            let hook = dom0.path(HOOK);
            assert_eq!(fs::read(&hook).unwrap(), PROGRAM);
            assert_eq!(
                fs::metadata(&hook).unwrap().permissions().mode() & 0o7777,
                0o755
            );
            for path in [PROGRAM_FILE, PLUGIN, GUARD] {
                let mode = fs::metadata(dom0.path(path)).unwrap().permissions().mode();
                assert_eq!(mode & 0o7777, 0o755, "{path}");
            }
            assert_eq!(fs::read(dom0.path(PROGRAM_FILE)).unwrap(), PROGRAM);
            let expected = match release {
                Release::Xcp82 => (format!("{STOCK}{SETTING}\n"), None),
                Release::Xcp83 => (
                    STOCK.into(),
                    Some(format!(
                        "# Written by vgpu-host install; vgpu-host uninstall takes it away.\n\
                         {SETTING}\n"
                    )),
                ),
            };
            let configuration = dom0.text(CONFIGURATION).unwrap();
            assert_eq!((configuration, dom0.text(OUR_FILE)), expected);
            assert_eq!(dom0.status()["whole"], true);

            let new = dom0.snapshot();
            let run = dom0.run("install");
            run.succeeded();
            assert_eq!(run.stdout, "there was nothing to do\n");
            assert_eq!(dom0.snapshot(), new);

            dom0.run("uninstall").succeeded();
            assert_eq!(dom0.snapshot(), old);
            let run = dom0.run("uninstall");
            run.succeeded();
            assert_eq!(run.stdout, "there was nothing to do\n");
            assert_eq!(dom0.snapshot(), old);
        }
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let dom0 = Dom0::new(Release::Xcp83, &patched(PYTHON_3, 1));
    let old = dom0.snapshot();
    let said = dom0.run("install --dry-run").stdout;
    assert_eq!(dom0.snapshot(), old);
    assert_eq!(dom0.run("install").stdout, said);
    for path in [HOOK, PROGRAM_FILE, PLUGIN, WRAPPER, OUR_FILE, GUARD] {
        assert!(said.contains(&format!("write /{path}\n")), "{said}");
    }
    let new = dom0.snapshot();
    let said = dom0.run("uninstall --dry-run").stdout;
    assert_eq!(dom0.snapshot(), new);
    assert_eq!(dom0.run("uninstall").stdout, said);
}

#[test]
fn what_was_set_up_by_hand_is_taken_over_and_left() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    fs::create_dir_all(dom0.path(HOOK).parent().unwrap()).unwrap();
    dom0.put(HOOK, "an older one", 0o700);
    dom0.put(OUR_FILE, format!(" {SETTING} # by hand"), 0o600);
    let old = dom0.snapshot();
    dom0.run("install").succeeded();
    assert_eq!(fs::read(dom0.path(HOOK)).unwrap(), PROGRAM);
    assert_eq!(dom0.status()["whole"], true);
    dom0.run("uninstall").succeeded();
    assert_eq!(dom0.snapshot(), old);
}

#[test]
fn the_hook_beside_the_program_is_the_one_that_is_installed() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    let hook = env!("CARGO_BIN_EXE_vgpu-dm-hook");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_vgpu-host"))
        .args(["install", "--root"])
        .arg(dom0.root())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(fs::read(dom0.path(HOOK)).unwrap(), fs::read(hook).unwrap());
}
