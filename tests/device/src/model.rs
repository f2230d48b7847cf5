// SPDX-License-Identifier: GPL-2.0

//! What the device must answer, in terms of the documentation and not of QEMU.

mod revision_2;
mod revision_3;

use std::time::Duration;

use vgpu::uapi::{
    VGPU_FEATURE_MESSAGES, VGPU_IRQ_CONFIG_CHANGED, VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM,
    VGPU_REG_COMMAND, VGPU_REG_FEATURES, VGPU_REG_POOL_ID, VGPU_REG_PRIORITY, VGPU_REG_STATUS,
    VGPU_REG_VM_ID,
};

use crate::Width;
use revision_2::Revision2;
use revision_3::Revision3;

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

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// What the host defines.
    pub identity: Identity,
    /// Value of COMMAND.
    pub command: u32,
    /// Value of STATUS.
    pub status: u32,
    /// What only devices from revision 2 on have.
    pub revision_2: Option<Revision2>,
    /// What only a device of revision 3 has.
    pub revision_3: Option<Revision3>,
}

impl Model {
    /// A new device of revision 1.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            command: 0,
            status: 0,
            revision_2: None,
            revision_3: None,
        }
    }

    /// A new device of revision 2, whose commands take this long.
    pub fn revision_2(identity: Identity, latency: Duration) -> Self {
        Self {
            revision_2: Some(Revision2::new(latency, 0)),
            ..Self::new(identity)
        }
    }

    /// A new device of revision 3, likewise.
    pub fn revision_3(identity: Identity, latency: Duration) -> Self {
        Self {
            revision_3: Some(Revision3::default()),
            ..Self::revision_2(identity, latency)
        }
    }

    /// What a reset does.
    pub fn reset(&mut self) {
        *self = Self {
            revision_2: self
                .revision_2
                .map(|more| Revision2::new(more.latency, more.generation)),
            revision_3: self.revision_3.map(|_| Revision3::default()),
            ..Self::new(self.identity)
        };
    }

    /// What happens when the host sets another identity: only revision 2 takes it.
    pub fn configure(&mut self, identity: Identity) {
        let Some(more) = &mut self.revision_2 else {
            return;
        };
        if identity != self.identity {
            self.identity = identity;
            more.generation = more.generation.wrapping_add(1);
            more.irq_status |= VGPU_IRQ_CONFIG_CHANGED;
        }
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
            let piece = (value >> (8 * (at - offset))) & mask(bytes);
            let piece = u32::try_from(piece).expect("a piece has at most 32 bits");
            let at = u32::try_from(at).expect("an offset within BAR0");
            if at == VGPU_REG_COMMAND {
                self.submit(piece);
            } else if let Some(more) = &mut self.revision_2 {
                more.set_register(at, piece, self.revision_3.is_some());
            }
            if let Some(more) = &mut self.revision_3 {
                more.set_register(at, piece);
            }
        }
    }

    /// Only the first byte of a register has its value; the rest of it is 0.
    fn register(&self, at: u64) -> u32 {
        match u32::try_from(at).expect("an offset within BAR0") {
            VGPU_REG_COMMAND => self.command,
            VGPU_REG_STATUS => self.status,
            VGPU_REG_POOL_ID => self.identity.pool_id,
            VGPU_REG_PRIORITY => self.identity.priority,
            VGPU_REG_VM_ID => self.identity.vm_id,
            at => {
                let messages = self.revision_3.map_or(0, |more| more.register(at));
                let more = self.revision_2.map(|more| more.register(at));
                match at {
                    VGPU_REG_FEATURES if self.revision_3.is_some() => {
                        more.unwrap_or(0) | VGPU_FEATURE_MESSAGES
                    }
                    _ => more.unwrap_or(0) | messages,
                }
            }
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
