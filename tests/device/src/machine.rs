// SPDX-License-Identifier: GPL-2.0

//! A QEMU process: started, spoken to, ended.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::{Qmp, Qtest};

/// How long QEMU may take for any one thing; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The machine types the device is used in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chipset {
    /// i440FX: one PCI bus. What XCP-ng gives its guests.
    Pc,
    /// Q35: PCI Express.
    Q35,
}

impl Chipset {
    fn name(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::Q35 => "q35",
        }
    }
}

/// A running QEMU. Dropping it ends it.
#[derive(Debug)]
pub struct Machine {
    /// The processor's side.
    pub cpu: Qtest,
    /// The operator's side.
    pub qmp: Qmp,
    child: Child,
    directory: TempDir,
}

impl Machine {
    /// Starts QEMU with these arguments beyond the machine itself.
    pub fn start<S: AsRef<str>>(chipset: Chipset, arguments: &[S]) -> Self {
        Self::start_in(&Program::tested(), chipset, arguments)
    }

    pub(crate) fn start_in<S: AsRef<str>>(
        program: &Program,
        chipset: Chipset,
        arguments: &[S],
    ) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("vgpu-qtest-")
            .tempdir()
            .expect("making a directory for the sockets");
        let qtest = listen(&directory.path().join("qtest"));
        let qmp = listen(&directory.path().join("qmp"));
        let stderr = File::create(directory.path().join("stderr")).expect("making a file");
        let mut command = program.command(chipset);
        command
            .arg("-qtest")
            .arg(socket_argument(&directory.path().join("qtest")))
            .arg("-qmp")
            .arg(socket_argument(&directory.path().join("qmp")))
            .args(["-qtest-log", "/dev/null"])
            .arg("-D")
            .arg(directory.path().join("log"))
            .args(["-d", "guest_errors"])
            .args(arguments.iter().map(AsRef::as_ref))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        let mut child = program.spawn(&mut command);
        let qtest = accept(&qtest, &mut child, directory.path());
        let qmp = accept(&qmp, &mut child, directory.path());
        Self {
            cpu: Qtest::new(qtest),
            qmp: Qmp::new(qmp),
            child,
            directory,
        }
    }

    /// Resets the machine as its reset button does, and waits until it is done.
    pub fn reset(&mut self) {
        self.qmp.execute("system_reset", json!({}));
        self.qmp.wait_event("RESET");
    }

    /// The number of QEMU's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A path for a file that lives as long as the machine.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the device has logged as errors of its guest so far, a line each.
    pub fn guest_errors(&self) -> Vec<String> {
        let log = fs::read_to_string(self.scratch("log")).expect("reading QEMU's log");
        log.lines()
            .filter(|line| line.starts_with("vgpu-stub: "))
            .map(str::to_owned)
            .collect()
    }

    /// What QEMU has written to stderr so far.
    pub fn messages(&self) -> String {
        fs::read_to_string(self.scratch("stderr")).expect("reading what QEMU said")
    }

    /// Ends QEMU in good order.
    ///
    /// # Panics
    ///
    /// When it crashed, or exited with an error: what is freed twice may come to
    /// light only when the last device goes.
    pub fn finish(mut self) {
        self.qmp.execute("quit", json!({}));
        let status = wait(&mut self.child);
        let stderr = fs::read_to_string(self.scratch("stderr")).unwrap_or_default();
        assert!(status.success(), "QEMU ended with {status}: {stderr}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself, and how is what a failed test wants to know.
        let _ = self.child.kill();
        let status = self.child.wait();
        if thread::panicking() {
            let stderr = fs::read_to_string(self.scratch("stderr")).unwrap_or_default();
            eprintln!("QEMU ended with {status:?}; it said:\n{stderr}");
        }
    }
}

/// How a QEMU that did not start said so.
#[derive(Debug)]
pub struct Refusal {
    /// Exit status.
    pub status: ExitStatus,
    /// All of standard error.
    pub stderr: String,
}

/// Starts QEMU with arguments that it must not accept.
///
/// # Panics
///
/// When it still runs half a minute later.
pub fn refuse(chipset: Chipset, arguments: &[&str]) -> Refusal {
    let directory = tempfile::tempdir().expect("making a directory");
    let path = directory.path().join("stderr");
    let program = Program::tested();
    let mut command = program.command(chipset);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&path).expect("making a file"));
    let mut child = program.spawn(&mut command);
    let status = wait(&mut child);
    let stderr = fs::read_to_string(&path).expect("reading what QEMU said");
    Refusal { status, stderr }
}

/// A QEMU, and what it loads the device from: nothing if it is built in.
#[derive(Debug)]
pub(crate) struct Program {
    qemu: PathBuf,
    plugins: Vec<PathBuf>,
}

impl Program {
    /// Returns the QEMU that is tested.
    pub(crate) fn tested() -> Self {
        Self::named("VGPU_QEMU", "VGPU_PLUGINS").expect(
            "VGPU_QEMU is not set: it names the qemu-system-x86_64 to test; \
             scripts/packaged-qemu prints what to set",
        )
    }

    /// Returns the QEMU that machines migrate to: another one if one is named.
    pub(crate) fn target() -> Self {
        Self::named("VGPU_TARGET_QEMU", "VGPU_TARGET_PLUGINS").unwrap_or_else(Self::tested)
    }

    fn named(qemu: &str, plugins: &str) -> Option<Self> {
        let qemu = env::var_os(qemu)?.into();
        let list = env::var_os(plugins).unwrap_or_default();
        let plugins = env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        Some(Self { qemu, plugins })
    }

    fn command(&self, chipset: Chipset) -> Command {
        let mut command = Command::new(&self.qemu);
        command
            .args(["-accel", "qtest", "-machine", chipset.name()])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            // Makes memory that is used after it was freed differ from what it was.
            .env("MALLOC_PERTURB_", "165");
        if env::var_os("VGPU_PRELOAD").is_some() {
            let plugins = env::join_paths(&self.plugins).expect("they came from such a list");
            command.env("LD_PRELOAD", plugins);
        } else {
            for plugin in &self.plugins {
                command.arg("-plugin").arg(plugin);
            }
        }
        command
    }

    fn spawn(&self, command: &mut Command) -> Child {
        command
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", self.qemu.display()))
    }
}

fn socket_argument(path: &Path) -> OsString {
    let mut argument = OsString::from("unix:");
    argument.push(path);
    argument
}

fn listen(path: &Path) -> UnixListener {
    let listener = UnixListener::bind(path).expect("making a socket");
    listener
        .set_nonblocking(true)
        .expect("making a socket non-blocking");
    listener
}

/// Waits for QEMU to connect, but not for one that has ended.
fn accept(listener: &UnixListener, child: &mut Child, directory: &Path) -> UnixStream {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream
                    .set_nonblocking(false)
                    .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
                    .expect("preparing a socket");
                return stream;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => panic!("accepting QEMU's connection: {e}"),
        }
        let ended = child.try_wait().expect("asking for QEMU's state");
        if ended.is_some() || Instant::now() > deadline {
            let _ = child.kill();
            let stderr = fs::read_to_string(directory.join("stderr")).unwrap_or_default();
            panic!("QEMU did not start ({ended:?}): {stderr}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("asking for QEMU's state") {
            return status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("QEMU still runs after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    }
}
