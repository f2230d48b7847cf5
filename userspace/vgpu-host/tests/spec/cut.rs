// SPDX-License-Identifier: GPL-2.0

//! Runs that are cut short.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use vgpu_host::spec::patch;

use crate::package::{PROGRAM, Package, on_a_known_day, spec};

/// What the kernel kills with whoever writes more than may be.
const SIGXFSZ: i32 = 25;

/// Longer than the patch, so that a limit can be between the two.
fn long_spec() -> String {
    let entry = "\n* Thu Jan 02 2025 Anna Muster <anna@example.org> - 4.2.1-1\n- Another one\n";
    spec(&[0, 1]) + &entry.repeat(2 * patch::TEXT.len() / entry.len())
}

/// Runs with a limit on the length of a file, and says whether it was killed.
fn run_limited(package: &Package, verb: &str, blocks: usize) -> bool {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            r#"ulimit -c 0; ulimit -f "$1"; shift; exec "$@""#,
            "sh",
        ])
        .args([&blocks.to_string(), PROGRAM, "spec", verb])
        .arg(&package.spec);
    match on_a_known_day(&mut command).status {
        status if status.success() => false,
        status => {
            // Where the signal is ignored, which is inherited, the write fails.
            let failed = status.code() == Some(1);
            assert!(failed || status.signal() == Some(SIGXFSZ), "{status}");
            true
        }
    }
}

#[test]
fn apply_that_is_killed_while_it_writes_is_completed_or_undone() {
    let stock = long_spec();
    let package = Package::new(&stock);
    let before = package.snapshot();
    package.run("apply");
    let applied = package.snapshot();
    package.run("revert");

    let (mut without_patch, mut with_patch) = (0, 0);
    for blocks in 0.. {
        let killed = run_limited(&package, "apply", blocks);
        if !killed {
            assert_eq!(package.snapshot(), applied);
            break;
        }
        // The spec is whole, and so is the patch if it is there.
        assert_eq!(package.text(), stock);
        match fs::read(&package.patch) {
            Ok(patch) => {
                assert_eq!(patch, patch::TEXT);
                with_patch += 1;
            }
            Err(_) => without_patch += 1,
        }
        if blocks % 2 == 0 {
            assert_eq!(package.run("apply").0, 0);
            assert_eq!(package.snapshot(), applied);
        }
        assert_eq!(package.run("revert").0, 0);
        assert_eq!(package.snapshot(), before);
    }
    assert!(
        without_patch > 5 && with_patch > 5,
        "{without_patch} {with_patch}"
    );
}

#[test]
fn revert_that_is_killed_while_it_writes_is_completed_or_undone() {
    let package = Package::new(long_spec());
    let before = package.snapshot();
    package.run("apply");
    let applied = package.snapshot();
    let mut killed = 0;
    for blocks in 0.. {
        if !run_limited(&package, "revert", blocks) {
            break;
        }
        killed += 1;
        assert_eq!(package.run("check").0, 0);
        if blocks % 2 == 0 {
            assert_eq!(package.run("revert").0, 0);
            assert_eq!(package.snapshot(), before);
        }
        assert_eq!(package.run("apply").0, 0);
        assert_eq!(package.snapshot(), applied);
    }
    assert!(killed > 5, "{killed}");
    assert_eq!(package.snapshot(), before);
}

/// Cut between the two files, which no write is.
#[test]
fn a_patch_that_no_spec_names_yet_or_any_more_is_no_obstacle() {
    let package = Package::new(spec(&[0]));
    let before = package.snapshot();
    package.run("apply");
    let applied = package.snapshot();
    fs::write(&package.spec, spec(&[0])).unwrap();
    assert_eq!(package.run("check").0, 8);
    assert_eq!(package.run("apply").0, 0);
    assert_eq!(package.snapshot(), applied);
    fs::write(&package.spec, spec(&[0])).unwrap();
    assert_eq!(package.run("revert").0, 0);
    assert_eq!(package.snapshot(), before);
}
