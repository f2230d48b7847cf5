// SPDX-License-Identifier: GPL-2.0

//! Answers, and the statuses that this program gives by itself. They are ABI; the page
//! Messages lists them.

/// The status of an answer as it was asked for. 1 to 255 is what a program exited with.
pub(crate) const OK: u32 = 0;
/// Plus its number: a signal has ended the program.
pub(crate) const SIGNAL: u32 = 256;
/// The program took longer than it may, and was ended.
pub(crate) const TOO_LATE: u32 = 1001;
/// The program wrote more than an answer can have, and was ended.
pub(crate) const TOO_LONG: u32 = 1002;
/// The program could not be started.
pub(crate) const NOT_STARTED: u32 = 1003;
/// This program is being stopped; the request was not served.
pub(crate) const STOPPING: u32 = 1004;
/// This program was stopped while the request was served.
pub(crate) const STOPPED: u32 = 1005;

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 0 or what went wrong.
    pub(crate) status: u32,
    /// What the guest gets beside it.
    pub(crate) payload: Vec<u8>,
}

impl Answer {
    /// Returns one that is a success.
    pub(crate) fn ok(payload: Vec<u8>) -> Self {
        Self {
            status: OK,
            payload,
        }
    }

    /// Returns one that says nothing but what went wrong.
    pub(crate) fn failed(status: u32) -> Self {
        Self {
            status,
            payload: Vec::new(),
        }
    }
}
