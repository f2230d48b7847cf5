// SPDX-License-Identifier: GPL-2.0

//! The protocol between a vGPU stub and the backend that answers its messages, from the
//! backend's side. `Documentation/messages-protocol.md` specifies it.
//!
//! Nothing here reads or writes anything: a [`Decoder`] takes bytes as they come and
//! gives [`Event`]s, [`Response::encode`] gives the bytes to send.
//!
//! ```
//! use vgpu_protocol::{Decoder, Event, Response};
//!
//! # fn main() -> Result<(), vgpu_protocol::Malformed> {
//! # let (received, mut to_send) = (Vec::new(), Vec::new());
//! let mut decoder = Decoder::new();
//! decoder.feed(&received);
//! while let Some(event) = decoder.next_event()? {
//!     if let Event::Request { id, payload } = event {
//!         to_send.extend(Response { id, status: 0, payload }.encode());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod decoder;
mod header;
mod message;
mod sizes;

pub use decoder::{Decoder, Malformed};
pub use message::{Event, Hello, Id, Response};
pub use sizes::{HEADER_SIZE, PAYLOAD_MAX, VERSION};
