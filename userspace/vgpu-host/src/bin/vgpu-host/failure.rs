// SPDX-License-Identifier: GPL-2.0

//! What can go wrong in a run.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use thiserror::Error;
use vgpu_host::spec::Refusal;
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
    #[error("{file} is left alone: {source}")]
    Spec { file: String, source: Refusal },
    #[error("{0} has no patch")]
    NotApplied(String),
    #[error("{0} has the patch of another version")]
    Outdated(String),
    #[error("{spec} has the patch, and {patch} is not there")]
    NoPatch { spec: String, patch: String },
    #[error("{0} is somebody else's")]
    OtherPatch(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{what}")]
    Refused { what: String, hint: &'static str },
    #[error("SOURCE_DATE_EPOCH is not a number of seconds")]
    Date,
}

impl Failure {
    /// The exit code of a run in which this went wrong.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::NoVm(_) => Exit::NoVm,
            Failure::Ambiguous { .. } | Failure::TooMany { .. } | Failure::Date => Exit::Usage,
            Failure::Start { .. } | Failure::Xe { .. } | Failure::File { .. } => Exit::Internal,
            Failure::Timeout(_) => Exit::Timeout,
            Failure::BadKey { .. }
            | Failure::Refused { .. }
            | Failure::Spec { .. }
            | Failure::NotApplied(_)
            | Failure::Outdated(_)
            | Failure::NoPatch { .. }
            | Failure::OtherPatch(_) => Exit::Mismatch,
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
            Failure::Spec { .. } => "spec",
            Failure::NotApplied(_) => "not_applied",
            Failure::Outdated(_) => "outdated",
            Failure::NoPatch { .. } => "no_patch",
            Failure::OtherPatch(_) => "other_patch",
            Failure::Date => "date",
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
            Failure::Refused { hint, .. } => hint,
            Failure::Spec { source, .. } => source.hint(),
            Failure::NotApplied(_) => "vgpu-host spec apply puts it in",
            Failure::Outdated(_) | Failure::NoPatch { .. } => "vgpu-host spec apply puts it right",
            Failure::OtherPatch(_) => "move it away, or name another directory with --sources",
            Failure::File { .. } => {
                "see that it is there and that you may change it, as root; then run this again"
            }
            Failure::Date => "unset it, or set what `date +%s` prints",
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
