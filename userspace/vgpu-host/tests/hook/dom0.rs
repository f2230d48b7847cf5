// SPDX-License-Identifier: GPL-2.0

//! A dom0 with stand-ins: a wrapper that records how it was started, a xenstored,
//! and a log.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::RwLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::xenstored::Xenstored;

/// The domain of every test.
pub(crate) const DOMAIN: &str = "5";
/// The typed key and the older one.
pub(crate) const TYPED: &str = "vgpu-stub";
pub(crate) const OLDER: &str = "device-model-args";
/// What xenopsd gives, in short.
pub(crate) const STOCK: [&str; 8] = [
    DOMAIN,
    "--syslog",
    "-xen-domid",
    DOMAIN,
    "-device",
    "xen-platform,addr=3",
    "-serial",
    "pty",
];

/// What a start may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Where xenstored listens, unless a setting says otherwise.
pub(crate) const SOCKET: &str = "run/xenstored/socket";

/// Records its arguments, each with a NUL behind it, and its process.
const WRAPPER: &str = r#"#!/bin/sh
echo $$ >"$RECORD.pid"
for word do printf '%s\0' "$word"; done >"$RECORD"
exit 42
"#;

/// A program that is being written must not be open in a process that another
/// test starts meanwhile: the kernel would not run it.
static WRITING: RwLock<()> = RwLock::new(());

pub(crate) struct Dom0 {
    store: Option<Xenstored>,
    dir: TempDir,
    log: UnixDatagram,
    settings: Vec<String>,
}

/// How a start went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
    /// The lines in the log.
    pub(crate) log: Vec<String>,
    /// The arguments of the wrapper, if it was started.
    pub(crate) words: Option<Vec<OsString>>,
    /// Whether the wrapper has the process that the hook had.
    pub(crate) same_process: bool,
}

impl Dom0 {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = UnixDatagram::bind(dir.path().join("log")).unwrap();
        log.set_nonblocking(true).unwrap();
        let dom0 = Dom0 {
            store: Some(Xenstored::serve(&dir.path().join(SOCKET))),
            dir,
            log,
            settings: Vec::new(),
        };
        dom0.program("qemu-wrapper", WRAPPER);
        dom0
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        let _alone = WRITING.write().unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// With a line more in the configuration, which wins over those before it.
    pub(crate) fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.into());
        self
    }

    /// With a value in one of the domain's keys.
    pub(crate) fn key(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&self, name: &str, value: impl AsRef<[u8]>) {
        self.store().set(platform(name), value);
    }

    /// The xenstored, which serves the keys.
    pub(crate) fn store(&self) -> &Xenstored {
        self.store.as_ref().unwrap()
    }

    /// With another xenstored, or with none.
    pub(crate) fn with_store(mut self, make: impl FnOnce(&Path) -> Option<Xenstored>) -> Self {
        drop(self.store.take());
        let socket = self.path(SOCKET);
        fs::remove_file(&socket).unwrap();
        self.store = make(&socket);
        self
    }

    pub(crate) fn start(&self) -> Run {
        self.start_with(STOCK.map(OsString::from))
    }

    pub(crate) fn start_with(&self, words: impl IntoIterator<Item = OsString>) -> Run {
        let configuration = self.path("etc/vgpu-stub/hook.conf");
        fs::create_dir_all(configuration.parent().unwrap()).unwrap();
        let path = |name: &str| self.path(name).display().to_string();
        let mut text = format!(
            "wrapper = {}\nlog = {}\n",
            path("qemu-wrapper"),
            path("log")
        );
        for line in &self.settings {
            text.push_str(line);
            text.push('\n');
        }
        fs::write(configuration, text).unwrap();
        let unwritten = WRITING.read().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_vgpu-dm-hook"))
            .args(words)
            .env("VGPU_HOST_ROOT", self.dir.path())
            .env("RECORD", self.path("record"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(unwritten);
        let process = child.id().to_string();
        let end = Instant::now() + LIMIT;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                child.kill().unwrap();
                panic!("the hook has not ended after {LIMIT:?}");
            }
            thread::sleep(Duration::from_millis(1));
        }
        let output = child.wait_with_output().unwrap();
        // Nothing of ours may be in what others write.
        assert_eq!(output.stdout, b"");
        Run {
            status: output.status,
            stderr: String::from_utf8(output.stderr).unwrap(),
            log: self.lines(),
            words: take(&self.path("record")).map(|record| split(&record)),
            same_process: take(&self.path("record.pid"))
                .is_some_and(|it| it.trim_ascii() == process.as_bytes()),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let mut lines = Vec::new();
        while let Ok(length) = self.log.recv(&mut buffer) {
            lines.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        lines
    }
}

impl Run {
    /// Whether nothing was started, and the words about it, which are the same
    /// in the log and on stderr.
    pub(crate) fn refused(&self) -> &str {
        assert_eq!(self.words, None, "{self:?}");
        assert!(matches!(self.status.code(), Some(1 | 2)), "{self:?}");
        let [line] = &self.log[..] else {
            panic!("not one line in the log: {self:?}");
        };
        // daemon.err
        assert!(line.starts_with("<27>"), "{line}");
        let text = self.stderr.strip_prefix("vgpu-dm-hook: ").unwrap();
        let text = text.strip_suffix('\n').unwrap();
        assert!(!text.contains('\n'), "{text}");
        assert!(line.ends_with(text), "{line}");
        text
    }

    /// What was added to the stock arguments, which are there unchanged.
    pub(crate) fn added(&self) -> Vec<&str> {
        let words = self.words.as_ref().unwrap_or_else(|| panic!("{self:?}"));
        let (stock, added) = words.split_at(STOCK.len());
        assert_eq!(stock, STOCK);
        // The stand-in's.
        assert_eq!(self.status.code(), Some(42), "{self:?}");
        added.iter().map(|word| word.to_str().unwrap()).collect()
    }
}

/// The path of one of the domain's keys.
pub(crate) fn platform(name: &str) -> String {
    format!("/local/domain/{DOMAIN}/platform/{name}")
}

fn take(path: &Path) -> Option<Vec<u8>> {
    let content = fs::read(path).ok()?;
    fs::remove_file(path).unwrap();
    Some(content)
}

fn split(record: &[u8]) -> Vec<OsString> {
    let mut words: Vec<OsString> = record
        .split(|byte| *byte == 0)
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    // Behind the last NUL.
    assert_eq!(words.pop().as_deref().map(OsStr::as_bytes), Some(&b""[..]));
    words
}
