// SPDX-License-Identifier: GPL-2.0

//! Numbers that backends need, too.

use crate::header;

/// Version of the protocol.
pub const VERSION: u32 = header::VGPU_PROTOCOL_VERSION;
/// Size of a frame without its payload, in bytes.
pub const HEADER_SIZE: usize = size_of::<header::vgpu_frame>();
/// Longest payload that any device accepts or sends, in bytes.
pub const PAYLOAD_MAX: usize = 4096;
