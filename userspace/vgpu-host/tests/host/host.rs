// SPDX-License-Identifier: GPL-2.0

//! A pool of hosts, which are directories, and its VMs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::xenstored::Xenstored;

/// The VM that is called Test-2.
pub(crate) const UUID: &str = "8c934907-befb-756e-c6fe-91d721291d2b";
/// Its domain, while it runs.
pub(crate) const DOMAIN: u32 = 7;
/// The key of xenstore that says whose domain it is.
pub(crate) const DOMAIN_VM: &str = "/local/domain/7/vm";
/// Where xenstored listens.
pub(crate) const XENSTORED: &str = "run/xenstored/socket";

/// What vgpu-host, or xe, did.
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

/// A member of a pool.
pub(crate) struct Host {
    /// What xe knows, which all members share.
    pool: Rc<TempDir>,
    root: TempDir,
    /// Its INSTALLATION_UUID.
    pub(crate) uuid: String,
    pub(crate) xenstored: Arc<Xenstored>,
}

impl Host {
    /// The only member of a pool, which has the VM Test-2.
    pub(crate) fn new() -> Self {
        let pool = Rc::new(tempfile::tempdir().unwrap());
        for directory in ["hosts", "roots", "disabled", "answers"] {
            fs::create_dir(pool.path().join(directory)).unwrap();
        }
        let host = Host::join(pool, 1);
        host.add_vm(UUID, "Test-2");
        host
    }

    /// One more member of the same pool.
    pub(crate) fn another(&self) -> Self {
        let members = fs::read_dir(self.pool.path().join("hosts")).unwrap();
        Host::join(Rc::clone(&self.pool), members.count() + 1)
    }

    fn join(pool: Rc<TempDir>, number: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        let host = Host {
            pool,
            xenstored: Arc::new(Xenstored::serve(&root.path().join(XENSTORED))),
            root,
            uuid: format!("{number:08}-0000-4000-8000-000000000000"),
        };
        for directory in [
            "var/run/xen",
            "usr/lib64/xen/bin",
            "usr/libexec",
            "proc",
            "etc",
        ] {
            fs::create_dir_all(host.path(directory)).unwrap();
        }
        let qemu = "qemu-system-i386";
        let there = host.path("usr/lib64/xen/bin").join(qemu);
        copy_program(&stand_ins().join(qemu), &there);
        fs::write(
            host.path("etc/xensource-inventory"),
            format!(
                "PRIMARY_DISK='/dev/sda'\nINSTALLATION_UUID='{}'\n",
                host.uuid
            ),
        )
        .unwrap();
        host.in_pool(&format!("hosts/{}", host.uuid), &format!("xcp-{number}"));
        let root = host.path("").display().to_string();
        host.in_pool(&format!("roots/{}", host.uuid), root.trim_end_matches('/'));
        host
    }

    /// Puts a program there, of this text.
    pub(crate) fn put_program(&self, path: &str, text: &str) {
        let source = self.path("text-of-program");
        fs::write(&source, text).unwrap();
        copy_program(&source, &self.path(path));
        fs::remove_file(source).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Writes what xe knows.
    pub(crate) fn in_pool(&self, path: &str, text: &str) {
        fs::write(self.pool.path().join(path), text).unwrap();
    }

    /// Installs the hook, after what that needs of a dom0.
    pub(crate) fn install(&self) {
        let wrapper = self.path("usr/lib64/xen/bin/qemu-wrapper");
        fs::write(wrapper, "#!/usr/bin/python\n").unwrap();
        fs::write(self.path("etc/xenopsd.conf"), "").unwrap();
        fs::create_dir_all(self.path("var/lib")).unwrap();
        // It is not run here.
        let hook = self.path("hook");
        fs::write(&hook, b"\x7fELF and what belongs to it").unwrap();
        let run = self.run(&format!("install --hook {}", hook.display()));
        assert_eq!(run.exit, 0, "{run:?}");
    }

    /// Has xe say that this member is not enabled.
    pub(crate) fn disable(&self) {
        self.in_pool(&format!("disabled/{}", self.uuid), "");
    }

    /// The calls of xe.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.pool.path().join("calls")).unwrap_or_default();
        calls.lines().map(String::from).collect()
    }

    /// Adds a VM that is halted.
    pub(crate) fn add_vm(&self, uuid: &str, name: &str) {
        let directory = self.pool.path().join("vms").join(uuid);
        fs::create_dir_all(directory.join("platform")).unwrap();
        self.set_field(uuid, "name-label", name);
        self.set_field(uuid, "power-state", "halted");
        self.set_key(uuid, "timeoffset", "0");
    }

    /// What xe says of a VM.
    pub(crate) fn set_field(&self, uuid: &str, field: &str, value: &str) {
        self.in_pool(&format!("vms/{uuid}/{field}"), value);
    }

    /// What xe says of a key of a VM's platform map.
    pub(crate) fn set_key(&self, uuid: &str, key: &str, value: &str) {
        self.in_pool(&format!("vms/{uuid}/platform/{key}"), value);
    }

    /// Where a domain's device model listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path(&format!("var/run/xen/qmp-libxl-{DOMAIN}"))
    }

    /// What xe says of Test-2, if it is in no domain.
    pub(crate) fn state(&self, power: &str) {
        self.set_field(UUID, "power-state", power);
        self.set_field(UUID, "dom-id", "-1");
        self.set_field(UUID, "resident-on", "<not in database>");
    }

    /// Starts Test-2 on this host.
    pub(crate) fn running(&self) {
        self.runs(UUID);
    }

    /// Starts a VM on this host, as its domain [`DOMAIN`].
    pub(crate) fn runs(&self, uuid: &str) {
        self.set_field(uuid, "power-state", "running");
        self.set_field(uuid, "dom-id", &DOMAIN.to_string());
        self.set_field(uuid, "resident-on", &self.uuid);
        self.xenstored.set(DOMAIN_VM, format!("/vm/{uuid}"));
    }

    /// A key of Test-2's platform map.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let file = format!("vms/{UUID}/platform/{key}");
        fs::read_to_string(self.pool.path().join(file)).ok()
    }

    pub(crate) fn set_value(&self, key: &str, value: &str) {
        self.set_key(UUID, key, value);
    }

    pub(crate) fn remove_value(&self, key: &str) {
        let file = format!("vms/{UUID}/platform/{key}");
        fs::remove_file(self.pool.path().join(file)).unwrap();
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        self.run_program(env!("CARGO_BIN_EXE_vgpu-host").as_ref(), arguments)
    }

    /// Runs vgpu-host, or another version of it.
    pub(crate) fn run_program(&self, program: &OsStr, arguments: &str) -> Run {
        let mut command = Command::new(program);
        command
            .arg("--root")
            .arg(self.root.path())
            .args(arguments.split(' '));
        self.finish(command)
    }

    /// Calls the plugin of a member as somebody does who has xe on this one.
    pub(crate) fn call(&self, member: &Host, function: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new("xe");
        command
            .arg("host-call-plugin")
            .arg(format!("host-uuid={}", member.uuid))
            .arg("plugin=vgpu-stub")
            .arg(format!("fn={function}"))
            .args(arguments.iter().map(|it| format!("args:{it}")));
        self.finish(command)
    }

    /// Runs the guard as xenopsd does on the source of a migration.
    pub(crate) fn migrate(&self, vm: &str, seconds: u32) -> Run {
        let guard = fs::read_to_string(self.path("etc/xapi.d/vm-pre-migrate/vgpu-stub")).unwrap();
        let here = self.path("guard");
        let libexec = self.path("usr/libexec").display().to_string();
        let guard = guard.replace("/usr/libexec", &libexec).replace(
            "xapi-guard",
            &format!(
                "--timeout {seconds} --root {} xapi-guard",
                self.root.path().display()
            ),
        );
        fs::write(&here, guard).unwrap();
        let mut command = Command::new("sh");
        command.arg(here).args(["-vmuuid", vm, "-reason", "source"]);
        command.args(["-vmdomid", &DOMAIN.to_string()]);
        self.finish(command)
    }

    fn finish(&self, mut command: Command) -> Run {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = [stand_ins()]
            .into_iter()
            .chain(std::env::split_paths(&path));
        let output = command
            .env("VGPU_XE", self.pool.path())
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

/// A time in seconds that is enough for each step of something that is done to find out,
/// on this machine as busy as it is.
pub(crate) fn patience(done: impl FnOnce()) -> u32 {
    let start = Instant::now();
    done();
    5 + 4 * u32::try_from(start.elapsed().as_secs()).unwrap()
}

/// Copies a program. This is done by another process: a child that another test starts meanwhile
/// would inherit a file open for writing here, and such a file cannot be executed.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let mut copy = Command::new("install");
    copy.args(["-m", "755"]).arg(from).arg(to);
    assert!(copy.status().unwrap().success());
}

fn stand_ins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-ins")
}
