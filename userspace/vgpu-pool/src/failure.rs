// SPDX-License-Identifier: GPL-2.0

//! What can go wrong in a run as a whole.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;
use vgpu_cli::{Problem, output};

use crate::exit::Exit;

/// One thing that went wrong.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot run {}: {source}", path.display())]
    Program { path: PathBuf, source: which::Error },
    #[error("cannot listen at {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the kernel does not let it begin: {0}")]
    Start(io::Error),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Problem for Failure {
    type Exit = Exit;

    const COMMAND: &'static str = "vgpu-pool";

    fn exit(&self) -> Exit {
        Exit::Internal
    }

    fn kind(&self) -> &'static str {
        match self {
            Failure::Directory { .. } | Failure::File { .. } | Failure::Program { .. } => "file",
            Failure::Listen { .. } => "listen",
            Failure::Start(_) => "start",
            Failure::Output(_) => "output",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn hint(&self) -> String {
        match self {
            Failure::Directory { .. } => {
                "name the directory in which QEMU makes the sockets of its chardevs"
            }
            Failure::File { source, .. } | Failure::Output(source) => output::hint(source),
            Failure::Program { .. } => "name a program that this user may run",
            Failure::Listen { .. } => "name an address of this host whose port is free",
            Failure::Start(_) => "see the limits of this user: ulimit -a",
        }
        .into()
    }
}
