// SPDX-License-Identifier: GPL-2.0

//! The serial line: raw bytes both ways, one writer at a time.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use vgpu_agent::Reply;

/// The sending side, shared by all commands.
pub(crate) struct Sender(Mutex<File>);

/// Opens the serial line at `path`: what to read requests from, and where to
/// send replies.
pub(crate) fn open(path: &Path) -> io::Result<(File, Sender)> {
    let line = OpenOptions::new().read(true).write(true).open(path)?;
    let mut settings = tcgetattr(&line)?;
    settings.make_raw();
    // Nobody raises the carrier of an emulated line.
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    tcsetattr(&line, OptionalActions::Now, &settings)?;
    let sender = Sender(Mutex::new(line.try_clone()?));
    Ok((line, sender))
}

impl Sender {
    /// Ends whatever an earlier life of the guest left unfinished on the line.
    pub(crate) fn start(&self) -> io::Result<()> {
        self.write(b"\n")
    }

    /// Sends one message.
    pub(crate) fn send(&self, reply: &Reply) -> io::Result<()> {
        self.write(reply.to_line()?.as_bytes())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        // A thread that panicked left at worst half a line, which the reader skips.
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.write_all(bytes)
    }
}
