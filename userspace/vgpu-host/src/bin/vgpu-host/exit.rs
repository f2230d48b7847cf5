// SPDX-License-Identifier: GPL-2.0

//! Exit codes: what a script learns when it reads nothing else. They are ABI,
//! and where vgpuinfo has the same, they are the same.

use vgpu_cli::ExitCodes;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    #[default]
    Ok = 0,
    Internal = 1,
    Usage = 2,
    NoVm = 3,
    Timeout = 7,
    Mismatch = 8,
}

impl ExitCodes for Exit {
    const ALL: &'static [Exit] = &[
        Exit::Ok,
        Exit::Internal,
        Exit::Usage,
        Exit::NoVm,
        Exit::Timeout,
        Exit::Mismatch,
    ];

    fn code(self) -> u8 {
        // CAST: the values are all above, and small.
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "all went well",
            Exit::Internal => "internal error, or xe or a file failed",
            Exit::Usage => "wrong usage",
            Exit::NoVm => "no such VM, or it has no such device",
            Exit::Timeout => "timeout",
            Exit::Mismatch => "something is not as it should be",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_that_were_promised() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 7, 8]);
    }
}
