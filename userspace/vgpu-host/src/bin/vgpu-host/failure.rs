// SPDX-License-Identifier: GPL-2.0

//! What can go wrong in a run.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use thiserror::Error;
use vgpu_host::{KeyError, Shown};

use crate::exit::Exit;

/// One thing that went wrong.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("there is no VM {0}")]
    NoVm(Shown),
    #[error("there are {count} VMs {name}")]
    Ambiguous { name: Shown, count: usize },
    #[error("cannot run {program}: {message}")]
    Start { program: String, message: String },
    #[error("{0} gave no answer in time")]
    Timeout(String),
    #[error("xe {verb} failed: {message}")]
    Xe { verb: String, message: Shown },
    #[error("the key {key} of VM {vm}: {source}")]
    BadKey {
        vm: String,
        key: &'static str,
        source: KeyError,
    },
    #[error("VM {vm}: {source}")]
    TooMany { vm: String, source: KeyError },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{what}")]
    Refused { what: String, hint: &'static str },
}

impl Failure {
    /// The exit code of a run in which this went wrong.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::NoVm(_) => Exit::NoVm,
            Failure::Ambiguous { .. } | Failure::TooMany { .. } => Exit::Usage,
            Failure::Start { .. } | Failure::Xe { .. } | Failure::File { .. } => Exit::Internal,
            Failure::Timeout(_) => Exit::Timeout,
            Failure::BadKey { .. } | Failure::Refused { .. } => Exit::Mismatch,
        }
    }

    /// A short name for it, for programs; ABI.
    fn kind(&self) -> &'static str {
        match self {
            Failure::NoVm(_) => "no_vm",
            Failure::Ambiguous { .. } => "ambiguous",
            Failure::Start { .. } => "start",
            Failure::Timeout(_) => "timeout",
            Failure::Xe { .. } => "xe",
            Failure::BadKey { .. } => "bad_key",
            Failure::TooMany { .. } => "too_many",
            Failure::File { .. } => "file",
            Failure::Refused { .. } => "refused",
        }
    }

    /// What to do next.
    fn hint(&self) -> &'static str {
        match self {
            Failure::NoVm(_) => "xe vm-list shows the VMs there are",
            Failure::Ambiguous { .. } => "name one by its uuid",
            Failure::Start { .. } => "run this in dom0, or name the program with --xe",
            Failure::Timeout(_) => "see that the toolstack runs: xe host-list",
            Failure::Xe { .. } => "see /var/log/xensource.log",
            Failure::BadKey { .. } => "attach without --add sets what is right",
            Failure::TooMany { .. } => "detach first",
            Failure::File { .. } => "run this as root; when the cause is gone, run it again",
            Failure::Refused { hint, .. } => hint,
        }
    }

    /// The line for people.
    pub(crate) fn line(&self) -> String {
        format!("vgpu-host: {self} ({})", self.hint())
    }

    /// The object `error` for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "kind": self.kind(),
            "message": self.to_string(),
            "hint": self.hint(),
            "exit": self.exit().code(),
        })
    }
}
