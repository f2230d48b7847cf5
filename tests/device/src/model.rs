// SPDX-License-Identifier: GPL-2.0

//! What the device must answer, in terms of the documentation and not of QEMU.

use vgpu::uapi::{
    VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, VGPU_REG_COMMAND, VGPU_REG_POOL_ID, VGPU_REG_PRIORITY,
    VGPU_REG_STATUS, VGPU_REG_VM_ID, VGPU_STATUS_DONE,
};

use crate::Width;

/// The values of the three registers that the properties give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Value of POOL_ID.
    pub pool_id: u32,
    /// Value of PRIORITY.
    pub priority: u32,
    /// Value of VM_ID.
    pub vm_id: u32,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            pool_id: VGPU_POOL_ID_A,
            priority: VGPU_PRIORITY_MEDIUM,
            vm_id: 0,
        }
    }
}

/// A device of revision 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// What never changes.
    pub identity: Identity,
    /// Value of COMMAND.
    pub command: u32,
    /// Value of STATUS.
    pub status: u32,
}

impl Model {
    /// A device as it is after reset.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            command: 0,
            status: 0,
        }
    }

    /// What a reset does.
    pub fn reset(&mut self) {
        *self = Self::new(self.identity);
    }

    /// The answer to a read.
    pub fn read(&self, width: Width, offset: u64) -> u64 {
        pieces(width, offset).fold(0, |value, (at, bytes)| {
            let piece = u64::from(self.register(at)) & mask(bytes);
            value | (piece << (8 * (at - offset)))
        })
    }

    /// The effect of a write.
    pub fn write(&mut self, width: Width, offset: u64, value: u64) {
        for (at, bytes) in pieces(width, offset) {
            if at == u64::from(VGPU_REG_COMMAND) {
                let piece = (value >> (8 * (at - offset))) & mask(bytes);
                self.command = u32::try_from(piece).expect("a piece has at most 32 bits");
                self.status = VGPU_STATUS_DONE;
            }
        }
    }

    /// Only the first byte of a register has its value; the rest of it is 0.
    fn register(&self, at: u64) -> u32 {
        match u32::try_from(at) {
            Ok(VGPU_REG_COMMAND) => self.command,
            Ok(VGPU_REG_STATUS) => self.status,
            Ok(VGPU_REG_POOL_ID) => self.identity.pool_id,
            Ok(VGPU_REG_PRIORITY) => self.identity.priority,
            Ok(VGPU_REG_VM_ID) => self.identity.vm_id,
            _ => 0,
        }
    }
}

/// The aligned accesses of at most 4 bytes that make up one access, as offset and
/// number of bytes.
fn pieces(width: Width, offset: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = offset + width.bytes();
    let mut at = offset;
    std::iter::from_fn(move || {
        let bytes = [4, 2, 1]
            .into_iter()
            .find(|bytes| at % bytes == 0 && at + bytes <= end)?;
        at += bytes;
        Some((at - bytes, bytes))
    })
}

fn mask(bytes: u64) -> u64 {
    (1 << (8 * bytes)) - 1
}
