// SPDX-License-Identifier: GPL-2.0

//! Messages to the host, which only the driver can send.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::command::milliseconds;
use crate::{Result, Vgpu, chardev, uapi};

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

impl Vgpu {
    /// Sends a message to the host and waits for the answer, for `timeout` at most (the
    /// driver's `VGPU_TIMEOUT_DEFAULT_MS` without one).
    ///
    /// # Errors
    /// [`Error::Call`](crate::Error::Call) for all that can become of a message; what
    /// [`submit`](Vgpu::submit) may fail for before it submits.
    pub fn call(&self, message: &[u8], timeout: Option<Duration>) -> Result<Answer> {
        let timeout_ms = timeout.map(milliseconds).transpose()?;
        if message.len() > MESSAGE_MAX {
            return Err(CallError::TooLong.into());
        }
        // CAST: 4096, and usize has 32 bits or more.
        let mut payload = vec![0; uapi::VGPU_MSG_OUT_MAX as usize];
        let (status, length) = chardev::call(self, message, &mut payload, timeout_ms.unwrap_or(0))?;
        payload.truncate(length);
        Ok(Answer { status, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::fixture::{Fixture, Stub};

    #[test]
    fn a_message_needs_the_driver_and_its_node() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.add(&Stub::at("0000:00:07.0"));
        let devices = fixture.discover();
        let [bound, unbound] = [0, 1].map(|index| devices[index].call(b"?", None));
        assert!(matches!(bound, Err(Error::NoNode { .. })), "{bound:?}");
        assert!(matches!(unbound, Err(Error::DriverNeeded { .. })));
        let endless = devices[0].call(b"?", Some(Duration::MAX));
        assert!(matches!(endless, Err(Error::TimeoutRange)));
    }

    #[test]
    fn a_node_that_knows_no_messages_says_so() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let refused = fixture.discover()[0].call(b"?", None);
        assert!(
            matches!(refused, Err(Error::Call(CallError::NoMessages))),
            "{refused:?}"
        );
    }

    #[test]
    fn a_message_that_is_too_long_is_not_cut() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let refused = fixture.discover()[0].call(&[0; 4033], None);
        assert!(
            matches!(refused, Err(Error::Call(CallError::TooLong))),
            "{refused:?}"
        );
    }
}
