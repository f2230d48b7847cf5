// SPDX-License-Identifier: GPL-2.0

//! Running `vgpuinfo` on a fixture tree.

#[path = "../../../vgpu/src/fixture.rs"]
mod fixture;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) use fixture::{Fixture, Stub};

/// What a run of `vgpuinfo` left behind.
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// stdout as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    fn of(output: Output) -> Self {
        Run {
            // A signal is no exit code at all.
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The command, with arguments separated by spaces.
pub(crate) fn vgpuinfo(fixture: &Fixture, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vgpuinfo"));
    command.arg("--sysroot").arg(fixture.root());
    command.args(arguments.split_whitespace());
    command
}

/// Runs the command as the user of the test.
pub(crate) fn run(fixture: &Fixture, arguments: &str) -> Run {
    Run::of(vgpuinfo(fixture, arguments).output().unwrap())
}

/// Runs the command as a user who may not read what is root's alone: the modes
/// in a fixture are to be as the kernel has them.
pub(crate) fn run_unprivileged(fixture: &Fixture, arguments: &str) -> Run {
    let root = fixture.root();
    fs::set_permissions(root, PermissionsExt::from_mode(0o755)).unwrap();
    // A copy, as the build directory may be closed to other users. Made by
    // another process: a child that another test starts meanwhile would inherit
    // a file open for writing here, and such a file cannot be executed.
    let program = root.join("vgpuinfo");
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_vgpuinfo")).arg(&program);
    assert!(copy.status().unwrap().success());
    let mut command = Command::new(program);
    command.arg("--sysroot").arg(root);
    command.args(arguments.split_whitespace());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // Mapped in every user namespace that maps more than root.
        command.uid(1).gid(1);
    }
    Run::of(command.output().unwrap())
}

/// Runs the command as root of a container that sees the fixture after `setup`, a
/// script for a mount namespace of its own; `$ROOT` is the fixture there.
pub(crate) fn run_contained(fixture: &Fixture, setup: &str, arguments: &str) -> Run {
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = format!("set -e; {setup}; exec \"$@\"");
    unshare.args(["sh", "-c", &script, "sh"]);
    let command = vgpuinfo(fixture, arguments);
    unshare.arg(command.get_program()).args(command.get_args());
    unshare.env("ROOT", fixture.root());
    Run::of(unshare.output().unwrap())
}

/// Takes a file away from everybody but root. Without being root the test is
/// its owner, who is not to read it either.
pub(crate) fn close(path: impl AsRef<std::path::Path>) {
    assert!(!path.as_ref().is_symlink(), "that would close its target");
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mode = if root { 0o600 } else { 0 };
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Makes the node of a class device, of the one number that every user may make a
/// character device of.
pub(crate) fn make_node(fixture: &Fixture, name: &str) {
    let node = fixture.root().join("dev").join(name);
    fs::create_dir_all(node.parent().unwrap()).unwrap();
    let mut mknod = Command::new("mknod");
    let made = mknod.arg(node).args(["c", "0", "0"]).status();
    assert!(made.unwrap().success());
    fs::write(fixture.class(name).join("dev"), "0:0\n").unwrap();
}

/// One device with the driver and one without.
pub(crate) fn two() -> Fixture {
    let fixture = Fixture::new();
    fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
    fixture.add(&Stub::at("0000:00:07.0").driver("vfio-pci"));
    fixture
}

/// One device with the driver.
pub(crate) fn one() -> Fixture {
    let fixture = Fixture::new();
    fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
    fixture
}
