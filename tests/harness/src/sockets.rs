// SPDX-License-Identifier: GPL-2.0

//! The connections that a QEMU makes to the harness.

use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// What QEMU takes from its start to its connections.
const START: Duration = Duration::from_secs(30);
/// What it takes from closing a connection to its end.
const END: Duration = Duration::from_secs(5);

/// Sockets for one QEMU. They listen from the start: it connects once and does not try
/// again.
pub(crate) struct Sockets {
    directory: TempDir,
    agent: UnixListener,
    qmp: UnixListener,
}

/// What QEMU has connected.
pub(crate) struct Connections {
    /// The guest's second serial line.
    pub(crate) agent: UnixStream,
    pub(crate) qmp: UnixStream,
}

impl Sockets {
    /// The names of the sockets.
    pub(crate) const NAMES: [&str; 2] = ["agent", "qmp"];

    pub(crate) fn new() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("vgpu-guest-").tempdir()?;
        let [agent, qmp] = Self::NAMES.map(|name| UnixListener::bind(directory.path().join(name)));
        let (agent, qmp) = (agent?, qmp?);
        Ok(Self {
            directory,
            agent,
            qmp,
        })
    }

    /// Where a socket is, one of these or one that others make beside them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Takes the connections of a QEMU, for as long as `check` says that it runs.
    pub(crate) fn accept(&self, check: impl Fn() -> Result<()>) -> Result<Connections> {
        Ok(Connections {
            agent: accept(&self.agent, &check)?,
            qmp: accept(&self.qmp, &check)?,
        })
    }
}

/// Takes the one connection that a chardev of QEMU makes.
fn accept(listener: &UnixListener, check: impl Fn() -> Result<()>) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + START;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("cannot take QEMU's connection"),
        }
        check()?;
        if Instant::now() > end {
            bail!("QEMU did not connect within {} seconds", START.as_secs());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Why there is no QEMU any more, which `check` says once it is gone; `error` if it is not.
pub(crate) fn why(error: anyhow::Error, check: impl Fn() -> Result<()>) -> anyhow::Error {
    let end = Instant::now() + END;
    while Instant::now() < end {
        if let Err(reason) = check() {
            return reason;
        }
        thread::sleep(Duration::from_millis(10));
    }
    error
}
