// SPDX-License-Identifier: GPL-2.0

//! A guest's logs: where they are kept, and what must not be in them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

/// What a kernel writes when something is wrong with it or its drivers.
pub const COMPLAINTS: [&str; 12] = [
    "BUG:",
    "WARNING:",
    "Oops",
    "KASAN",
    "UBSAN:",
    "INFO: trying to register",
    "possible circular",
    "unreferenced object",
    "nobody cared",
    "Call Trace",
    "refcount_t",
    "INFO: task",
];

/// What the kernel's last words begin with.
const PANIC: &str = "Kernel panic - not syncing";

/// Where the logs of one guest are, for as long as it lives and after.
#[derive(Debug)]
pub(crate) struct Logs {
    directory: PathBuf,
    /// Keeps the directory for this guest while it lives.
    _lock: File,
}

impl Logs {
    /// A directory for the guest `name`, emptied: build/logs/NAME, or with a
    /// number behind it while another guest of that name runs.
    pub(crate) fn new(name: &str) -> Result<Self> {
        Self::below(&root(), name)
    }

    fn below(root: &Path, name: &str) -> Result<Self> {
        // The name becomes part of a path and of a socket's.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            bail!("a guest's name is made of letters, digits and '-', not '{name}'");
        }
        for number in 1..1000 {
            let directory = match number {
                1 => root.join(name),
                _ => root.join(format!("{name}.{number}")),
            };
            fs::create_dir_all(&directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
            let lock = File::create(directory.join("lock"))
                .with_context(|| format!("cannot write to {}", directory.display()))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            let logs = Self {
                directory,
                _lock: lock,
            };
            File::create(logs.console())?;
            File::create(logs.qemu())?;
            return Ok(logs);
        }
        bail!("too many guests of the name '{name}' run at once");
    }

    /// What the guest's kernel wrote.
    pub(crate) fn console(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// What QEMU wrote: its errors, guest errors and trace events.
    pub(crate) fn qemu(&self) -> PathBuf {
        self.directory.join("qemu.log")
    }

    pub(crate) fn console_text(&self) -> String {
        read(&self.console())
    }

    pub(crate) fn qemu_text(&self) -> String {
        read(&self.qemu())
    }

    /// The kernel's last words, if it has said them.
    pub(crate) fn panic(&self) -> Option<String> {
        let text = self.console_text();
        text.lines()
            .find(|line| line.contains(PANIC))
            .map(str::to_owned)
    }

    /// Fails when the kernel's log holds one of [`COMPLAINTS`].
    pub(crate) fn check(&self) -> Result<()> {
        let text = self.console_text();
        let Some(found) = complaint(&text) else {
            return Ok(());
        };
        bail!(
            "the guest's kernel complains:\n{found}\nThe whole log: {}",
            self.console().display()
        );
    }
}

/// build/logs of the checkout, unless `VGPU_LOGS` names another place.
fn root() -> PathBuf {
    env::var_os("VGPU_LOGS").map_or_else(
        || {
            let package = Path::new(env!("CARGO_MANIFEST_DIR"));
            // tests/harness of the checkout.
            let checkout = package.ancestors().nth(2).unwrap_or(package);
            checkout.join("build/logs")
        },
        PathBuf::from,
    )
}

/// Serial lines carry what the firmware and a crashing kernel put there, text or not.
fn read(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\r', ""))
        .unwrap_or_default()
}

/// The first complaint in a kernel's log, with the lines after it.
fn complaint(text: &str) -> Option<String> {
    const CONTEXT: usize = 12;
    let lines: Vec<&str> = text.lines().collect();
    let first = lines
        .iter()
        .position(|line| COMPLAINTS.iter().any(|pattern| line.contains(pattern)))?;
    let shown = lines.iter().skip(first).take(CONTEXT);
    Some(shown.fold(String::new(), |all, line| all + "    | " + line + "\n"))
}

/// The last lines of a log, set off from the message around them.
pub(crate) fn tail(text: &str) -> String {
    const SHOWN: usize = 15;
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(SHOWN);
    lines
        .iter()
        .skip(skipped)
        .map(|line| format!("    | {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_log_passes() {
        let log = "[    1.0] vgpu_stub 0000:00:06.0: pool B, priority high, VM 200.\n";
        assert_eq!(complaint(log), None);
    }

    #[test]
    fn every_kind_of_complaint_is_found_with_what_follows() {
        for pattern in COMPLAINTS {
            let log = format!("[ 1.0] fine\n[ 2.0] {pattern} here\n[ 2.1] details\n");
            let found = complaint(&log).unwrap();
            assert!(found.contains("here") && found.contains("details"));
            assert!(!found.contains("fine"));
        }
    }

    #[test]
    fn a_second_guest_of_the_same_name_gets_its_own_directory() {
        let root = tempfile::tempdir().unwrap();
        let first = Logs::below(root.path(), "twin").unwrap();
        let second = Logs::below(root.path(), "twin").unwrap();
        assert_ne!(first.console(), second.console());
        drop(first);
        let third = Logs::below(root.path(), "twin").unwrap();
        assert_eq!(third.console(), root.path().join("twin/console.log"));
    }

    #[test]
    fn the_log_of_an_earlier_guest_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let logs = Logs::below(root.path(), "again").unwrap();
        fs::write(logs.console(), "Kernel panic - not syncing: old\n").unwrap();
        assert!(logs.panic().is_some());
        drop(logs);
        let logs = Logs::below(root.path(), "again").unwrap();
        assert_eq!(logs.panic(), None);
    }

    #[test]
    fn a_name_is_no_path() {
        let root = tempfile::tempdir().unwrap();
        for name in ["", "a/b", "..", "a,b"] {
            assert!(Logs::below(root.path(), name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_tail_is_the_end() {
        let lines: Vec<_> = (0..100).map(|n| format!("line {n}")).collect();
        let text = lines.join("\n");
        let tail = tail(&text);
        assert!(tail.ends_with("| line 99"));
        assert_eq!(tail.lines().count(), 15);
    }
}
