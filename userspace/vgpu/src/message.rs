// SPDX-License-Identifier: MIT OR Apache-2.0

//! Messages to the host, and what may become of them.

use std::io;

use thiserror::Error;

use crate::uapi;

/// The longest message, in bytes.
// CAST: 4032, and usize has 32 bits or more.
pub const MESSAGE_MAX: usize = uapi::VGPU_MSG_IN_MAX as usize;

/// The host's answer to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status of the host's, beside its answer; 0 is success.
    pub status: u32,
    /// The answer, `VGPU_MSG_OUT_MAX` bytes at most.
    pub payload: Vec<u8>,
}

/// Reason for which a message has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The device has no messages (`EOPNOTSUPP`), or the driver does not know of them
    /// (`ENOTTY`).
    #[error("the device has no messages, or its driver is too old for them")]
    NoMessages,
    /// The message has more than `VGPU_MSG_IN_MAX` bytes (`EMSGSIZE`).
    #[error("a message has at most {MESSAGE_MAX} bytes")]
    TooLong,
    /// Other messages took the whole timeout (`EBUSY`): this one was not sent.
    #[error("other messages took all the time; this one was not sent")]
    Busy,
    /// No backend is connected to the device (`ENOTCONN`): it was not delivered.
    #[error("nobody on the host answers messages; this one was not delivered")]
    NotConnected,
    /// There was no answer in time (`ETIMEDOUT`).
    #[error("there was no answer in time; the message may have been delivered")]
    TimedOut,
    /// The backend has gone, the device was reset, or the VM was migrated or restored
    /// (`ECANCELED`).
    #[error("there will be no answer; the message may have been delivered")]
    Lost,
    /// A signal came while waiting (`EINTR`).
    #[error("a signal came before the answer; the message may have been delivered")]
    Interrupted,
    /// The device did not do what it should (`EIO`).
    #[error("the device has written something that is no answer")]
    Device,
}

impl CallError {
    /// Tells what an errno says of a message; `None` if that is about something else.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::EOPNOTSUPP | libc::ENOTTY => Some(CallError::NoMessages),
            libc::EMSGSIZE => Some(CallError::TooLong),
            libc::EBUSY => Some(CallError::Busy),
            libc::ENOTCONN => Some(CallError::NotConnected),
            libc::ETIMEDOUT => Some(CallError::TimedOut),
            libc::ECANCELED => Some(CallError::Lost),
            libc::EINTR => Some(CallError::Interrupted),
            libc::EIO => Some(CallError::Device),
            _ => None,
        }
    }

    /// As [`Error::kind`](crate::Error::kind).
    pub(crate) fn kind(self) -> &'static str {
        match self {
            CallError::NoMessages => "no_messages",
            CallError::TooLong => "too_long",
            CallError::Busy => "busy",
            CallError::NotConnected => "not_connected",
            CallError::TimedOut => "timeout",
            CallError::Lost => "lost",
            CallError::Interrupted => "interrupted",
            CallError::Device => "io",
        }
    }

    /// As [`Error::hint`](crate::Error::hint).
    pub(crate) fn hint(self) -> &'static str {
        match self {
            CallError::NoMessages => {
                "have the host give the device revision=3, and update the driver"
            }
            CallError::TooLong => "send less, or in parts",
            CallError::Busy => "try again, with a longer timeout",
            CallError::NotConnected => {
                "have the host start the program that answers; the attribute link tells when it \
                 is there"
            }
            CallError::TimedOut => "ask again, with a longer timeout, if asking twice does no harm",
            CallError::Lost | CallError::Interrupted => "ask again, if asking twice does no harm",
            CallError::Device => "see the kernel log, and update QEMU on the host",
        }
    }
}
