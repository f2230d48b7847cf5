// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sending messages, which only the driver can do.

use std::time::Duration;

use crate::command::milliseconds;
use crate::message::{Answer, CallError, MESSAGE_MAX};
use crate::{Result, Vgpu, chardev, uapi};

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
