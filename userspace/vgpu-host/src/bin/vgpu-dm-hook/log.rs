// SPDX-License-Identifier: GPL-2.0

//! What operators look for: lines in the system's log, and on stderr, which
//! xenopsd passes to the same log under the name of the device model.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use syslog::{Facility, Formatter3164, LogFormat, Severity};

use crate::refusal::Refusal;

const NAME: &str = "vgpu-dm-hook";
/// A log that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes about the start of one domain's device model.
pub(crate) struct Log {
    socket: PathBuf,
    domain: Option<u32>,
}

impl Log {
    pub(crate) fn new(socket: &Path, domain: Option<u32>) -> Self {
        Log {
            socket: socket.into(),
            domain,
        }
    }

    /// The start is stopped.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.write(Severity::LOG_ERR, &format!("not started: {refusal}"));
    }

    /// The start goes on without devices, as the configuration has it.
    pub(crate) fn without(&self, refusal: &Refusal) {
        let text = format!("started without vGPU stubs: {refusal}");
        self.write(Severity::LOG_WARNING, &text);
    }

    /// A key has no effect, because another one is there.
    pub(crate) fn ignored(&self, path: &str, other: &str) {
        let text = format!("{path} is ignored: the key {other} is there");
        self.write(Severity::LOG_WARNING, &text);
    }

    /// These words are added.
    pub(crate) fn adding(&self, words: &[String]) {
        self.write(Severity::LOG_INFO, &format!("adding {}", words.join(" ")));
    }

    fn write(&self, severity: Severity, text: &str) {
        let text = match self.domain {
            Some(domain) => format!("domain {domain} {text}"),
            None => text.into(),
        };
        // Without a log or somebody at stderr, the VM is more important.
        let _ = writeln!(io::stderr(), "{NAME}: {text}");
        let _ = self.send(severity, text);
    }

    fn send(&self, severity: Severity, text: String) -> io::Result<()> {
        let formatter = Formatter3164 {
            facility: Facility::LOG_DAEMON,
            hostname: None,
            process: NAME.into(),
            pid: process::id(),
        };
        let mut line = Vec::new();
        formatter
            .format(&mut line, severity, text)
            .map_err(io::Error::other)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.send_to(&line, &self.socket)?;
        Ok(())
    }
}
