// SPDX-License-Identifier: GPL-2.0

//! A host, which is a directory, and its one VM.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const UUID: &str = "8c934907-befb-756e-c6fe-91d721291d2b";
/// The VM's domain, while it runs.
pub(crate) const DOMAIN: u32 = 7;

/// What vgpu-host did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The document that was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub(crate) struct Host(TempDir);

impl Host {
    pub(crate) fn new() -> Self {
        let host = Host(tempfile::tempdir().unwrap());
        for directory in [
            "platform",
            "var/run/xen",
            "usr/lib64/xen/bin",
            "usr/libexec",
            "proc",
            "etc",
        ] {
            fs::create_dir_all(host.path(directory)).unwrap();
        }
        symlink(
            stand_ins().join("qemu-system-i386"),
            host.path("usr/lib64/xen/bin/qemu-system-i386"),
        )
        .unwrap();
        host.state("halted", -1);
        host
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Where the VM's device model listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path(&format!("var/run/xen/qmp-libxl-{DOMAIN}"))
    }

    /// What xe says of the VM.
    pub(crate) fn state(&self, power: &str, domain: i32) {
        fs::write(self.path("power-state"), power).unwrap();
        fs::write(self.path("dom-id"), domain.to_string()).unwrap();
    }

    pub(crate) fn running(&self) {
        self.state("running", DOMAIN.try_into().unwrap());
    }

    /// A key of the VM's platform map.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        fs::read_to_string(self.path("platform").join(key)).ok()
    }

    pub(crate) fn set_value(&self, key: &str, value: &str) {
        fs::write(self.path("platform").join(key), value).unwrap();
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = [stand_ins()]
            .into_iter()
            .chain(std::env::split_paths(&path));
        let output = Command::new(env!("CARGO_BIN_EXE_vgpu-host"))
            .args(arguments.split(' '))
            .arg("--root")
            .arg(self.0.path())
            .env("VGPU_XE", self.0.path())
            .env("PATH", std::env::join_paths(paths).unwrap())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run {
            exit: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

fn stand_ins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-ins")
}
