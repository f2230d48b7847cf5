// SPDX-License-Identifier: GPL-2.0

//! Exit codes. They are ABI, and where vgpuinfo has the same, they are the same.

use vgpu_cli::ExitCodes;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    #[default]
    Ok = 0,
    Internal = 1,
    Usage = 2,
}

impl ExitCodes for Exit {
    const ALL: &'static [Exit] = &[Exit::Ok, Exit::Internal, Exit::Usage];

    fn code(self) -> u8 {
        // CAST: the values are all above, and small.
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "it was stopped, or has printed what was asked for",
            Exit::Internal => "internal error, or a file, a directory or a port failed",
            Exit::Usage => "wrong usage",
        }
    }
}
