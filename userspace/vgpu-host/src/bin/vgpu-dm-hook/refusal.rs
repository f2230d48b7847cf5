// SPDX-License-Identifier: GPL-2.0

//! Why the stock wrapper is not started.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;
use vgpu_host::configuration::BadLine;
use vgpu_host::xenstore::XenstoreError;
use vgpu_host::{KeyError, Shown};

/// What is in the way; its text is one line that says what to do, too.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error(
        "the first argument is {0} and no domain (xenopsd starts this: vgpu-dm-hook DOMID ARGUMENT...)"
    )]
    Usage(Shown),
    #[error("{}: cannot be read: {source} (correct or remove it)", path.display())]
    NoConfiguration { path: PathBuf, source: io::Error },
    #[error("{}:{source} (correct it)", path.display())]
    BadConfiguration { path: PathBuf, source: BadLine },
    #[error("{path}: {source} (see that xenstored runs and dom0 may read it)")]
    Unreadable { path: String, source: XenstoreError },
    #[error("{path}: {source} (vgpu-host attach sets what is right)")]
    BadKey { path: String, source: KeyError },
    #[error("{path} is set and {} passes it on unchecked (vgpu-host install removes that patch)", program.display())]
    PatchedWrapper { path: String, program: PathBuf },
    #[error("no slot of the PCI bus is left (attach fewer devices)")]
    NoSlot,
    #[error("cannot make {} for messages: {source} (make it, or attach the device without)", path.display())]
    NoSockets { path: PathBuf, source: io::Error },
    #[error("cannot run {}: {source} (see wrapper in the configuration)", program.display())]
    Wrapper { program: PathBuf, source: io::Error },
}

impl Refusal {
    /// How the program ends: wrong usage is 2, as everywhere.
    pub(crate) fn exit(&self) -> ExitCode {
        match self {
            Refusal::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
