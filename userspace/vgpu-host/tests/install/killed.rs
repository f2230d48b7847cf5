// SPDX-License-Identifier: GPL-2.0

//! The program dies after each of its changes in turn.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::dom0::{
    CONFIGURATION, Dom0, GUARD, HOOK, OUR_FILE, PLUGIN, PROGRAM, PROGRAM_FILE, RECORD, RELEASES,
    Release, SETTING, Snapshot, WRAPPER, without_times,
};
use crate::wrappers::{PYTHON_3, patched};

/// A host that can become the other of its two states.
struct States {
    release: Release,
    wrapper: String,
    old: Snapshot,
    /// Without times.
    new: Snapshot,
}

impl States {
    fn of(release: Release) -> Self {
        let wrapper = patched(PYTHON_3, 1);
        let dom0 = Dom0::new(release, &wrapper);
        let old = dom0.snapshot();
        dom0.run("install").succeeded();
        let new = without_times(dom0.snapshot());
        States {
            release,
            wrapper,
            old,
            new,
        }
    }

    fn before(&self, action: &str) -> Dom0 {
        let dom0 = Dom0::new(self.release, &self.wrapper);
        if action == "uninstall" {
            dom0.run("install").succeeded();
        }
        dom0
    }

    /// Every state between the two works, and status says which it is.
    fn check(&self, dom0: &Dom0, when: &str) {
        let now = without_times(dom0.snapshot());
        let old = without_times(self.old.clone());
        let new_or_old = |path: &str| {
            let path = Path::new(path);
            let is_new = now.get(path) == self.new.get(path);
            let is_old = now.get(path) == old.get(path);
            assert!(is_new || is_old, "{when}: {}", path.display());
            is_new
        };
        let wrapper = new_or_old(WRAPPER);
        let record = new_or_old(RECORD);
        let hook = new_or_old(HOOK);
        let program = new_or_old(PROGRAM_FILE);
        let plugin = new_or_old(PLUGIN);
        let guard = new_or_old(GUARD);
        assert!(program || !(plugin || guard), "{when}");
        // xapi calls whatever is in there.
        for path in now.keys().filter(|path| path.starts_with("etc/xapi.d")) {
            assert!(self.new.contains_key(path), "{when}: {}", path.display());
        }
        let setting = new_or_old(CONFIGURATION) && new_or_old(OUR_FILE);
        // xenopsd reads whatever is in there.
        for path in now.keys() {
            if path.starts_with("etc/xenopsd.conf.d") {
                let known = self.new.contains_key(path);
                assert!(known, "{when}: {}", path.display());
            }
        }
        let named = [CONFIGURATION, OUR_FILE].iter().any(|path| {
            let text = dom0.text(path).unwrap_or_default();
            text.lines().any(|line| line == SETTING)
        });
        assert_eq!(named, setting, "{when}");
        if named {
            let mode = fs::metadata(dom0.path(HOOK)).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o755, "{when}");
            assert_eq!(fs::read(dom0.path(HOOK)).unwrap(), PROGRAM, "{when}");
        }
        let whole = wrapper && record && hook && program && plugin && guard && setting;
        let status = dom0.status();
        assert_eq!(status["whole"], whole, "{when}: {status}");
    }
}

#[test]
fn whenever_it_dies_the_host_works_and_the_next_run_finishes_or_undoes() {
    for release in RELEASES {
        let states = States::of(release);
        for action in ["install", "uninstall"] {
            let mut changes = 1;
            loop {
                let dom0 = states.before(action);
                let run = dom0.run_until(action, Some(changes));
                let done = run.status.success();
                let when = format!("{release:?}, {action}, change {changes}");
                assert!(
                    done || run.status.code().is_none(),
                    "{when}: {}",
                    run.stderr
                );
                states.check(&dom0, &when);

                dom0.run("install").succeeded();
                assert_eq!(without_times(dom0.snapshot()), states.new, "{when}");

                let dom0 = states.before(action);
                dom0.run_until(action, Some(changes));
                dom0.run("uninstall").succeeded();
                assert_eq!(dom0.snapshot(), states.old, "{when}");
                if done {
                    break;
                }
                changes += 1;
            }
            // As many as there are, at least: the program did die.
            assert!(changes > 6, "{action} had {changes} changes");
            println!(
                "{release:?}: {action} died after each of {} changes",
                changes - 1
            );
        }
    }
}
