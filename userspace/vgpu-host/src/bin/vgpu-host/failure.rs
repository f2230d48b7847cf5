// SPDX-License-Identifier: GPL-2.0

//! What can go wrong in a run.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vgpu_cli::{Problem, output};
use vgpu_host::program::ProgramError;
use vgpu_host::spec::Refusal;
use vgpu_host::xenstore::XenstoreError;
use vgpu_host::{KeyError, Shown};
use vgpu_qmp::QmpError;

use crate::exit::Exit;
use crate::member::Member;

/// One thing that went wrong.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("there is no VM {0}")]
    NoVm(Shown),
    #[error("there are {count} VMs {name}")]
    Ambiguous { name: Shown, count: usize },
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("xe {verb} failed: {}", Shown::new(message))]
    Xe { verb: String, message: String },
    #[error("VM {vm} runs on {}, and not on this host", member.shown())]
    Elsewhere { vm: String, member: Member },
    #[error("member {0} has no plugin of vgpu-host")]
    NoPlugin(Shown),
    #[error("member {member}: {message}")]
    Member {
        member: Shown,
        message: String,
        exit: Exit,
    },
    #[error("VM {vm} is not in domain {domain} of this host: {found}")]
    OtherDomain {
        vm: String,
        domain: u32,
        found: String,
    },
    #[error("cannot read xenstore: {0}")]
    Xenstore(#[from] XenstoreError),
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
    #[error("VM {vm} has {} devices: {}", ids.len(), ids.join(", "))]
    WhichDevice { vm: String, ids: Vec<String> },
    #[error("VM {vm} has no device {}: it has {}", Shown::new(id), ids.join(", "))]
    NoSuchDevice {
        vm: String,
        id: String,
        ids: Vec<String>,
    },
    #[error("QEMU at {}: {source}", socket.display())]
    Qmp { socket: PathBuf, source: QmpError },
    #[error("{source}; {}", match done[..] {
        [] => "nothing was changed".into(),
        _ => format!("of the running device {} was changed, and nothing else", done.join(", ")),
    })]
    Partly {
        done: Vec<&'static str>,
        source: Box<Failure>,
    },
    #[error("{0}")]
    Usage(String),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    #[error("SOURCE_DATE_EPOCH is not a number of seconds")]
    Date,
}

impl Problem for Failure {
    type Exit = Exit;

    const COMMAND: &'static str = env!("CARGO_PKG_NAME");

    fn exit(&self) -> Exit {
        match self {
            Failure::NoVm(_) | Failure::NoSuchDevice { .. } => Exit::NoVm,
            Failure::Ambiguous { .. }
            | Failure::WhichDevice { .. }
            | Failure::TooMany { .. }
            | Failure::Usage(_)
            | Failure::Date => Exit::Usage,
            Failure::Partly { source, .. } => source.exit(),
            Failure::Member { exit, .. } => *exit,
            Failure::Qmp {
                source: QmpError::Timeout(_),
                ..
            } => Exit::Timeout,
            Failure::Qmp { .. } | Failure::Output(_) => Exit::Internal,
            Failure::Program(ProgramError::Timeout { .. }) => Exit::Timeout,
            Failure::Program(_)
            | Failure::Xe { .. }
            | Failure::Xenstore(_)
            | Failure::File { .. } => Exit::Internal,
            Failure::Elsewhere { .. }
            | Failure::NoPlugin(_)
            | Failure::OtherDomain { .. }
            | Failure::BadKey { .. }
            | Failure::Refused { .. }
            | Failure::Spec { .. }
            | Failure::NotApplied(_)
            | Failure::Outdated(_)
            | Failure::NoPatch { .. }
            | Failure::OtherPatch(_) => Exit::Mismatch,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Failure::NoVm(_) => "no_vm",
            Failure::Ambiguous { .. } => "ambiguous",
            Failure::Program(ProgramError::Start { .. }) => "start",
            Failure::Program(ProgramError::Timeout { .. }) => "timeout",
            Failure::Xe { .. } => "xe",
            Failure::Elsewhere { .. } => "elsewhere",
            Failure::NoPlugin(_) => "no_plugin",
            Failure::Member { .. } => "member",
            Failure::OtherDomain { .. } => "other_domain",
            Failure::Xenstore(_) => "xenstore",
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
            Failure::WhichDevice { .. } => "which_device",
            Failure::NoSuchDevice { .. } => "no_such_device",
            Failure::Qmp { .. } => "qmp",
            Failure::Partly { source, .. } => source.kind(),
            Failure::Usage(_) => "usage",
            Failure::Output(_) => "output",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn hint(&self) -> String {
        let hint = match self {
            Failure::NoVm(_) => "xe vm-list shows the VMs there are",
            Failure::Ambiguous { .. } => "name one by its uuid",
            Failure::Program(ProgramError::Start { .. }) => {
                "run this in dom0, or name the program with --xe"
            }
            Failure::Program(ProgramError::Timeout { .. }) => {
                "see that the toolstack runs: xe host-list"
            }
            Failure::Xe { .. } => "see /var/log/xensource.log",
            Failure::Elsewhere { .. } => "run this on that host, a member of the same pool",
            Failure::NoPlugin(_) => "run vgpu-host install there",
            Failure::Member { .. } => "see that host: vgpu-host status, /var/log/xensource.log",
            Failure::OtherDomain { .. } => {
                "the VM may just have been migrated: see where it runs, and try again"
            }
            Failure::Xenstore(_) => "see that xenstored runs, and run this in dom0 as root",
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
            Failure::WhichDevice { .. } => "name one with --device",
            Failure::NoSuchDevice { .. } => "vgpu-host list shows the devices there are",
            Failure::Qmp { .. } => "see that the VM runs on this host, and try again as root",
            Failure::Partly { source, .. } => return source.hint(),
            Failure::Usage(_) => "see vgpu-host --help",
            Failure::Output(error) => output::hint(error),
            Failure::Date => "unset it, or set what `date +%s` prints",
        };
        hint.into()
    }
}
