// SPDX-License-Identifier: GPL-2.0

//! A tree of a dom0's files, and what becomes of it.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const WRAPPER: &str = "usr/lib64/xen/bin/qemu-wrapper";
pub(crate) const HOOK: &str = "usr/libexec/vgpu-stub/vgpu-dm-hook";
pub(crate) const PROGRAM_FILE: &str = "usr/libexec/vgpu-stub/vgpu-host";
pub(crate) const PLUGIN: &str = "etc/xapi.d/plugins/vgpu-stub";
pub(crate) const GUARD: &str = "etc/xapi.d/vm-pre-migrate/vgpu-stub";
pub(crate) const CONFIGURATION: &str = "etc/xenopsd.conf";
pub(crate) const OUR_FILE: &str = "etc/xenopsd.conf.d/vgpu-stub.conf";
pub(crate) const RECORD: &str = "var/lib/vgpu-stub/record.json";
pub(crate) const SETTING: &str =
    "upstream-compat-qemu-dm-wrapper=/usr/libexec/vgpu-stub/vgpu-dm-hook";
/// Stands for the hook: it is not run here, and short.
pub(crate) const PROGRAM: &[u8] = b"\x7fELF and what belongs to it";
/// xenopsd's configuration.
pub(crate) const STOCK: &str = "# Configuration file for xenopsd\npidfile=/var/run/xenopsd.pid\n\
     # upstream-compat-qemu-dm-wrapper=/nowhere\nuse-upstream-qemu=true\n";

/// How systemd starts xenopsd.
pub(crate) const UNIT: &str = "usr/lib/systemd/system/xenopsd-xc.service";

/// How a host keeps xenopsd's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// In one file.
    Xcp82,
    /// In a directory, too.
    Xcp83,
}

pub(crate) const RELEASES: [Release; 2] = [Release::Xcp82, Release::Xcp83];

/// Everything in a tree, by path.
pub(crate) type Snapshot = BTreeMap<PathBuf, Entry>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// When it was changed; not known of directories.
    pub(crate) time: Option<(i64, i64)>,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Dom0(TempDir);

pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Dom0 {
    pub(crate) fn new(release: Release, wrapper: &str) -> Self {
        let dom0 = Dom0(tempfile::tempdir().unwrap());
        for directory in [
            "root/etc",
            "root/usr/lib64/xen/bin",
            "root/var/lib",
            "root/usr/lib/systemd/system",
        ] {
            fs::create_dir_all(dom0.0.path().join(directory)).unwrap();
        }
        fs::write(dom0.program(), PROGRAM).unwrap();
        dom0.put(WRAPPER, wrapper, 0o755);
        dom0.put(CONFIGURATION, STOCK, 0o640);
        let mut start = "/usr/sbin/xenopsd-xc --config /etc/xenopsd.conf".to_owned();
        if release == Release::Xcp83 {
            start += " --config-dir /etc/xenopsd.conf.d";
        }
        dom0.put(UNIT, unit(&format!("{start} $XENOPSD_OPTIONS")), 0o644);
        if release == Release::Xcp83 {
            fs::create_dir(dom0.path("etc/xenopsd.conf.d")).unwrap();
            dom0.put(
                "etc/xenopsd.conf.d/other.conf",
                "numa-placement=true",
                0o644,
            );
        }
        dom0
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("program")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Puts a file there that was last changed long ago.
    pub(crate) fn put(&self, path: &str, text: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(path);
        fs::write(&path, text).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(long_ago()).unwrap();
        // Somebody else's, where the test may give it away.
        let _ = chown(&path, Some(1), Some(2));
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        self.run_until(arguments, None)
    }

    /// Runs the program, which dies after so many changes.
    pub(crate) fn run_until(&self, arguments: &str, changes: Option<u32>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu-host"));
        command
            .args(arguments.split(' '))
            .arg("--root")
            .arg(self.root());
        if arguments.starts_with("install") && !arguments.contains("--hook") {
            command.arg("--hook").arg(self.program());
            command.arg("--program").arg(self.program());
        }
        if let Some(changes) = changes {
            command.env("VGPU_HOST_DIES_AFTER", changes.to_string());
        }
        let output = command.output().unwrap();
        Run {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What status says in JSON, and whether it says the same by its exit code.
    pub(crate) fn status(&self) -> Value {
        let run = self.run("status -J");
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let status = document["status"].clone();
        let code = if status["whole"] == true { 0 } else { 8 };
        assert_eq!(run.code(), code, "{document}");
        status
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        everything_in(&self.root())
    }
}

impl Run {
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("{}", self.stderr))
    }

    pub(crate) fn succeeded(&self) {
        assert_eq!(self.code(), 0, "{}", self.stderr);
    }
}

/// When the files of a host were last changed before anything is installed.
pub(crate) fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_500_000_000, 123_456_789)
}

/// The text of a unit that starts xenopsd so.
pub(crate) fn unit(start: &str) -> String {
    format!(
        "[Unit]\nDescription=VM manager for Xen using libxc\n\n[Service]\n\
         Environment=\"MALLOC_CONF=narenas:1,tcache:false\"\n\
         EnvironmentFile=-/etc/sysconfig/xenopsd\nExecStart={start}\nRestart=on-failure\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

/// The same without the times, which differ between two runs.
pub(crate) fn without_times(mut snapshot: Snapshot) -> Snapshot {
    snapshot.values_mut().for_each(|entry| entry.time = None);
    snapshot
}

pub(crate) fn everything_in(directory: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    walk(directory, Path::new(""), &mut snapshot);
    snapshot
}

fn walk(root: &Path, path: &Path, snapshot: &mut Snapshot) {
    let full = root.join(path);
    let metadata = fs::symlink_metadata(&full).unwrap();
    let mut entry = Entry {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        time: None,
        bytes: Vec::new(),
    };
    if !metadata.is_dir() {
        entry.time = Some((metadata.mtime(), metadata.mtime_nsec()));
        entry.bytes = match metadata.is_symlink() {
            true => fs::read_link(&full).unwrap().into_os_string().into_vec(),
            false => fs::read(&full).unwrap(),
        };
        snapshot.insert(path.into(), entry);
        return;
    }
    snapshot.insert(path.into(), entry);
    for entry in fs::read_dir(&full).unwrap() {
        walk(root, &path.join(entry.unwrap().file_name()), snapshot);
    }
}
