// SPDX-License-Identifier: GPL-2.0

//! Exit codes: what a script learns when it reads nothing else. They are ABI.

use vgpu::{CallError, DRIVER, Error};
use vgpu_cli::ExitCodes;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Internal = 1,
    Usage = 2,
    NoDevice = 3,
    Permission = 4,
    DriverNeeded = 5,
    Gone = 6,
    Timeout = 7,
    Mismatch = 8,
    SomeMissing = 9,
    Answered = 10,
}

impl ExitCodes for Exit {
    const ALL: &'static [Exit] = &[
        Exit::Ok,
        Exit::Internal,
        Exit::Usage,
        Exit::NoDevice,
        Exit::Permission,
        Exit::DriverNeeded,
        Exit::Gone,
        Exit::Timeout,
        Exit::Mismatch,
        Exit::SomeMissing,
        Exit::Answered,
    ];

    fn code(self) -> u8 {
        // CAST: the values are all above, and small.
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "all went well",
            Exit::Internal => "internal or I/O error",
            Exit::Usage => "wrong usage",
            Exit::NoDevice => "no such device, or none at all",
            Exit::Permission => "permission denied",
            Exit::DriverNeeded => "the driver is needed and not bound",
            Exit::Gone => "the device is gone or answers nonsense",
            Exit::Timeout => "timeout",
            Exit::Mismatch => "check or doctor found something that is not as it should be",
            Exit::SomeMissing => "some of the named devices are missing",
            Exit::Answered => "the host has answered a message with a status other than 0",
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            // Root gets past both.
            Error::Permission { .. } | Error::Untrusted { .. } => Exit::Permission,
            // The other source is there, and open to the same caller.
            Error::Claimed { driver, .. } if driver == DRIVER => Exit::Internal,
            // No privilege opens these, but the driver makes do without them.
            Error::DriverNeeded { .. }
            | Error::Lockdown { .. }
            | Error::Claimed { .. }
            | Error::DecodingOff
            // Once there is memory, the driver comes.
            | Error::Unassigned => Exit::DriverNeeded,
            Error::Gone | Error::Malformed { .. } => Exit::Gone,
            Error::Busy
            | Error::TimedOut
            | Error::Call(CallError::Busy | CallError::TimedOut) => Exit::Timeout,
            Error::ReadOnlySource | Error::TimeoutRange | Error::Call(CallError::TooLong) => {
                Exit::Usage
            }
            Error::NoPci { .. }
            | Error::NoNode { .. }
            | Error::NotPublished { .. }
            | Error::WrongNode { .. }
            | Error::Reset
            | Error::Ignored
            | Error::Interrupted
            | Error::Call(
                CallError::NoMessages
                | CallError::NotConnected
                | CallError::Lost
                | CallError::Interrupted
                | CallError::Device,
            )
            | Error::Io { .. } => Exit::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use vgpu::Refusal;

    use super::*;

    #[test]
    fn the_codes_are_those_that_were_promised() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn every_error_of_the_library_has_its_code() {
        let path = || PathBuf::from("/sys");
        let claimed = |driver: &str| Error::Claimed {
            path: path(),
            driver: driver.into(),
        };
        let refused = |refusal| Error::Permission {
            path: path(),
            refusal,
        };
        for (error, code) in [
            (refused(Refusal::Mode), 4),
            (refused(Refusal::Rule), 4),
            (refused(Refusal::ReadOnlyMount), 4),
            (Error::DriverNeeded { driver: None }, 5),
            (Error::NoPci { path: path() }, 1),
            (Error::NotPublished { path: path() }, 1),
            (
                Error::Untrusted {
                    path: path(),
                    what: String::new(),
                },
                4,
            ),
            (Error::NoNode { path: path() }, 1),
            (Error::Lockdown { path: path() }, 5),
            (claimed("vfio-pci"), 5),
            (claimed("vgpu_stub"), 1),
            (Error::DecodingOff, 5),
            (Error::Unassigned, 5),
            (Error::ReadOnlySource, 2),
            (Error::Gone, 6),
            (
                Error::Malformed {
                    path: path(),
                    what: String::new(),
                },
                6,
            ),
            (Error::Busy, 7),
            (Error::TimedOut, 7),
            (Error::Reset, 1),
            (Error::Ignored, 1),
            (Error::Interrupted, 1),
            (Error::TimeoutRange, 2),
            (CallError::NoMessages.into(), 1),
            (CallError::TooLong.into(), 2),
            (CallError::Busy.into(), 7),
            (CallError::NotConnected.into(), 1),
            (CallError::TimedOut.into(), 7),
            (CallError::Lost.into(), 1),
            (
                Error::Io {
                    path: path(),
                    doing: "read",
                    source: io::Error::other("broken"),
                },
                1,
            ),
        ] {
            assert_eq!(Exit::from(&error).code(), code, "{error:?}");
        }
    }
}
