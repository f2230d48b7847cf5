// SPDX-License-Identifier: GPL-2.0

//! Frames in a stream of bytes.

use crate::header::{VGPU_FRAME_CANCEL, VGPU_FRAME_HELLO, VGPU_FRAME_REQUEST, vgpu_hello};
use crate::{Event, HEADER_SIZE, Hello, Id, PAYLOAD_MAX};

const HELLO_SIZE: usize = size_of::<vgpu_hello>();

/// Says why bytes are not those of a device. The stream is of no use after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Comes from somebody who speaks something else.
    #[error("a frame of type {0}, which no device sends")]
    Type(u16),
    /// Would have to be kept in memory.
    #[error("a frame of type {kind} with {length} bytes")]
    Length {
        /// Type of the frame.
        kind: u16,
        /// Length of its payload, in bytes.
        length: u32,
    },
    /// Begins with something that nobody has said who it is from.
    #[error("a frame of type {0} before the device has said who it is")]
    NoHello(u16),
}

/// Takes the bytes of a connection apart.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    used: usize,
    greeted: bool,
}

impl Decoder {
    /// Returns one for a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they were received.
    pub fn feed(&mut self, bytes: &[u8]) {
        // What was decoded goes at once, so that this does not grow with the connection.
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next event that is there as a whole.
    ///
    /// # Errors
    ///
    /// Fails when what was received is nothing that a device sends.
    pub fn next_event(&mut self) -> Result<Option<Event>, Malformed> {
        let bytes = &self.buffer[self.used..];
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
            return Ok(None);
        };
        let [l0, l1, l2, l3, t0, t1, s0, s1, n0, n1, n2, n3, ..] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let kind = u16::from_le_bytes([t0, t1]);
        let id = Id {
            slot: u16::from_le_bytes([s0, s1]),
            sequence: u32::from_le_bytes([n0, n1, n2, n3]),
        };
        let size = self.check(kind, length)?;
        let Some(payload) = rest.get(..size) else {
            return Ok(None);
        };
        let event = match u32::from(kind) {
            VGPU_FRAME_REQUEST => Event::Request {
                id,
                payload: payload.to_vec(),
            },
            VGPU_FRAME_CANCEL => Event::Cancel(id),
            _ => Event::Hello(hello(payload)),
        };
        self.greeted = true;
        self.used += HEADER_SIZE + size;
        Ok(Some(event))
    }

    /// Returns the size of the payload, in bytes, if a device sends such a frame now.
    fn check(&self, kind: u16, length: u32) -> Result<usize, Malformed> {
        let (least, most) = match u32::from(kind) {
            // A later version may have more to say.
            VGPU_FRAME_HELLO => (HELLO_SIZE, PAYLOAD_MAX),
            VGPU_FRAME_REQUEST => (0, PAYLOAD_MAX),
            VGPU_FRAME_CANCEL => (0, 0),
            _ => return Err(Malformed::Type(kind)),
        };
        if u32::from(kind) != VGPU_FRAME_HELLO && !self.greeted {
            return Err(Malformed::NoHello(kind));
        }
        usize::try_from(length)
            .ok()
            .filter(|size| (least..=most).contains(size))
            .ok_or(Malformed::Length { kind, length })
    }
}

/// Decodes the payload of a HELLO, which is long enough.
fn hello(payload: &[u8]) -> Hello {
    let word = |place: usize| {
        let bytes = payload.get(4 * place..4 * place + 4).unwrap_or(&[0; 4]);
        u32::from_le_bytes(bytes.try_into().expect("four bytes"))
    };
    Hello {
        version: word(0),
        vm_id: word(1),
        pool_id: word(2),
        priority: word(3),
        slots: word(4),
        request_max: word(5),
        response_max: word(6),
    }
}
