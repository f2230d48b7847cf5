// SPDX-License-Identifier: GPL-2.0

//! What the two sides tell each other.

use crate::header::VGPU_FRAME_RESPONSE;
use crate::{HEADER_SIZE, PAYLOAD_MAX};

/// Names a request: slots are used again, sequence numbers with them are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// Number of the slot.
    pub slot: u16,
    /// Number of the request.
    pub sequence: u32,
}

/// Tells who the device is: its registers, as QEMU has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Version of the protocol that the device speaks.
    pub version: u32,
    /// Number of the VM.
    pub vm_id: u32,
    /// ASCII code of the pool's letter.
    pub pool_id: u32,
    /// 0 low, 1 medium, 2 high.
    pub priority: u32,
    /// Number of slots: so many requests at most wait for an answer.
    pub slots: u32,
    /// Longest payload of a request, in bytes.
    pub request_max: u32,
    /// Longest payload of a response, in bytes.
    pub response_max: u32,
}

/// Comes from the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Is the first of a connection, and comes again when the host has changed the
    /// device.
    Hello(Hello),
    /// Wants a [`Response`].
    Request {
        /// What the response has to name.
        id: Id,
        /// What the guest has sent.
        payload: Vec<u8>,
    },
    /// Takes a request back. A response to it is ignored.
    Cancel(Id),
}

/// Answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The request.
    pub id: Id,
    /// What the backend says of the request beside its answer; 0 is success.
    pub status: u32,
    /// The answer.
    pub payload: Vec<u8>,
}

impl Response {
    /// Returns the frame to send.
    ///
    /// # Panics
    ///
    /// Panics if the payload is longer than [`PAYLOAD_MAX`].
    pub fn encode(&self) -> Vec<u8> {
        assert!(
            self.payload.len() <= PAYLOAD_MAX,
            "an answer of {} bytes",
            self.payload.len()
        );
        let length = u32::try_from(self.payload.len()).expect("it was compared above");
        let kind = u16::try_from(VGPU_FRAME_RESPONSE).expect("a type has 16 bits");
        let mut frame = Vec::with_capacity(HEADER_SIZE + self.payload.len());
        frame.extend(length.to_le_bytes());
        frame.extend(kind.to_le_bytes());
        frame.extend(self.id.slot.to_le_bytes());
        frame.extend(self.id.sequence.to_le_bytes());
        frame.extend(self.status.to_le_bytes());
        frame.extend(&self.payload);
        frame
    }
}
