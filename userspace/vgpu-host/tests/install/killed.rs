// SPDX-License-Identifier: GPL-2.0

//! The program dies after each of its changes in turn.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::dom0::{
    CONFIGURATION, Dom0, GUARD, HOOK, OUR_FILE, PLUGIN, PROGRAM, PROGRAM_FILE, RECORD, SETTING,
    Snapshot, WRAPPER, without_times,
};
use crate::released::{Case, OLD_PROGRAM, USUAL};
use crate::releases::Released;

/// What is done to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Install,
    /// Installing over what a released version installed.
    Upgrade,
    Uninstall,
}

/// A host that can become the other of its two states.
struct States {
    case: &'static Case,
    released: Released,
    /// Before anything was installed.
    old: Snapshot,
    /// As the released version leaves it.
    older: Snapshot,
    /// Without times.
    new: Snapshot,
}

impl States {
    fn of(case: &'static Case, released: Released) -> Self {
        let dom0 = case.before();
        let old = dom0.snapshot();
        dom0.run("install").succeeded();
        let new = without_times(dom0.snapshot());
        States {
            case,
            older: case.installed_by(&released).snapshot(),
            released,
            old,
            new,
        }
    }

    fn before(&self, action: Action) -> Dom0 {
        match action {
            Action::Install => self.case.before(),
            Action::Upgrade => self.case.installed_by(&self.released),
            Action::Uninstall => {
                let dom0 = self.case.before();
                dom0.run("install").succeeded();
                dom0
            }
        }
    }

    /// Every state between the two works, and status says which it is.
    fn check(&self, dom0: &Dom0, action: Action, when: &str) {
        let now = without_times(dom0.snapshot());
        let (old, old_hook) = match action {
            Action::Upgrade => (&self.older, OLD_PROGRAM),
            Action::Install | Action::Uninstall => (&self.old, PROGRAM),
        };
        let old = without_times(old.clone());
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
            let expected = if hook { PROGRAM } else { old_hook };
            assert_eq!(fs::read(dom0.path(HOOK)).unwrap(), expected, "{when}");
        }
        let whole = wrapper && record && hook && program && plugin && guard && setting;
        let status = dom0.status();
        assert_eq!(status["whole"], whole, "{when}: {status}");
    }
}

#[test]
fn whenever_it_dies_the_host_works_and_the_next_run_finishes_or_undoes() {
    for (case, released) in USUAL.iter().flat_map(|case| {
        let released = Released::all();
        released.into_iter().map(move |released| (case, released))
    }) {
        let states = States::of(case, released);
        for action in [Action::Install, Action::Upgrade, Action::Uninstall] {
            let command = match action {
                Action::Install | Action::Upgrade => "install",
                Action::Uninstall => "uninstall",
            };
            let mut changes = 1;
            loop {
                let dom0 = states.before(action);
                let run = dom0.run_until(command, Some(changes));
                let done = run.status.success();
                let when = format!("{}, {action:?}, change {changes}", case.name());
                assert!(
                    done || run.status.code().is_none(),
                    "{when}: {}",
                    run.stderr
                );
                states.check(&dom0, action, &when);

                dom0.run("install").succeeded();
                assert_eq!(without_times(dom0.snapshot()), states.new, "{when}");

                let dom0 = states.before(action);
                dom0.run_until(command, Some(changes));
                dom0.run("uninstall").succeeded();
                assert_eq!(dom0.snapshot(), states.old, "{when}");
                if done {
                    break;
                }
                changes += 1;
            }
            // As many as there are, at least: the program did die.
            assert!(changes > 6, "{action:?} had {changes} changes");
            println!(
                "{}: {action:?} died after each of {} changes",
                case.name(),
                changes - 1
            );
        }
    }
}
