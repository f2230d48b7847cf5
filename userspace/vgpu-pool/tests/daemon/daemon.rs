// SPDX-License-Identifier: GPL-2.0

//! The program, started for one test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// It, which ends with the test.
pub(crate) struct Daemon {
    child: Child,
    directory: TempDir,
}

impl Daemon {
    /// Starts it for a directory of its own.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("run")).unwrap();
        let child = spawn(directory.path(), arguments);
        Self { child, directory }
    }

    /// Starts it with a program, which a shell reads.
    pub(crate) fn exec(arguments: &[&str], script: &str) -> Self {
        Self::start(&[arguments, &["--exec", "sh", "-c", script]].concat())
    }

    /// Starts it once more, after it has ended.
    pub(crate) fn again(&mut self, arguments: &[&str]) {
        self.child = spawn(self.directory.path(), arguments);
    }

    /// Where the sockets are.
    pub(crate) fn sockets(&self) -> PathBuf {
        self.directory.path().join("run")
    }

    /// A place for what a test needs beside.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.file("stderr")).unwrap()
    }

    /// Waits until it has said that.
    pub(crate) fn wait_until_said(&self, text: &str) {
        wait_until(text, || self.said().contains(text));
    }

    /// Its memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|it| it.trim().strip_suffix(" kB")).unwrap();
        1024 * kilobytes.parse::<u64>().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("its end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("vgpu-pool has said:\n{}", self.said());
        }
    }
}

fn spawn(directory: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_vgpu-pool"))
        .arg("serve")
        .arg(directory.join("run"))
        .args(arguments)
        .env("DIR", directory)
        .stderr(File::create(directory.join("stderr")).unwrap())
        .spawn()
        .unwrap()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waiting for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
