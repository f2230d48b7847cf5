// SPDX-License-Identifier: GPL-2.0

//! The window of messages: slots in memory that is shared with the device.
//!
//! Everything that the device writes there is read once, and checked before it is used.

use kernel::{
    device::Core,
    pci,
    prelude::*, //
};

use crate::{
    class::Bytes,
    compat,
    pci::SharedMemory,
    regs::MSG_LAYOUT,
    uapi, //
};

// CAST: Small constants, here and below.
const IN_OFFSET: usize = uapi::VGPU_MSG_IN_OFFSET as usize;
const OUT_OFFSET: usize = uapi::VGPU_MSG_OUT_OFFSET as usize;
/// The most bytes that a message has.
pub(crate) const IN_MAX: usize = uapi::VGPU_MSG_IN_MAX as usize;
/// The most bytes that an answer has.
pub(crate) const OUT_MAX: usize = uapi::VGPU_MSG_OUT_MAX as usize;

/// The smallest slot that has all that is in one, and the largest that memory is taken for, as the
/// logarithms that the device has.
const SHIFT_MIN: u32 = uapi::VGPU_MSG_SLOT_SHIFT;
const SHIFT_MAX: u32 = 16;
static_assert!(OUT_OFFSET + OUT_MAX <= 1 << SHIFT_MIN);

/// The header of a slot, without what is reserved, as it is in memory.
const HEADER_SIZE: usize = 20;

/// The answer to a message.
pub(crate) struct Answer {
    /// Number of bytes, of which as many were copied as there was space for.
    pub(crate) len: u32,
    /// Status of the host's, beside its answer.
    pub(crate) status: u32,
}

/// The slots that a device has.
pub(crate) struct Window {
    memory: SharedMemory,
    slots: u32,
    slot_size: usize,
}

impl Window {
    /// Allocates the window of a device with this layout.
    ///
    /// # Errors
    ///
    /// `EINVAL` if that is the layout of nothing, else those of [`SharedMemory::new`].
    pub(crate) fn new(pdev: &pci::Device<Core<'_>>, layout: MSG_LAYOUT) -> Result<Self> {
        let slots: u32 = layout.slots().into();
        let shift: u32 = layout.slot_shift().into();
        if !(1..=uapi::VGPU_MSG_SLOTS_MAX).contains(&slots)
            || !(SHIFT_MIN..=SHIFT_MAX).contains(&shift)
        {
            return Err(EINVAL);
        }
        let slot_size = 1usize << shift;
        // CAST: Small numbers.
        let size = slot_size.checked_mul(slots as usize).ok_or(EINVAL)?;
        Ok(Self {
            memory: SharedMemory::new(pdev, size)?,
            slots,
            slot_size,
        })
    }

    /// Returns the address at which the device finds it.
    pub(crate) fn address(&self) -> u64 {
        self.memory.address()
    }

    /// Returns a bit for each slot.
    pub(crate) fn all(&self) -> u32 {
        // At most 32.
        u32::MAX >> (32u32.saturating_sub(self.slots) & 31)
    }

    fn offset(&self, slot: u32) -> Result<usize> {
        // CAST: A small number.
        self.slot_size.checked_mul(slot as usize).ok_or(EINVAL)
    }

    /// Puts a message into a slot of the driver's.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` if it is too long.
    pub(crate) fn put(&self, slot: u32, message: &[u8]) -> Result {
        if message.len() > IN_MAX {
            return Err(EMSGSIZE);
        }
        let at = self.offset(slot)?;
        // CAST: It was compared above.
        let len = (message.len() as u32).to_le_bytes();
        let state = uapi::VGPU_MSG_STATE_PENDING.to_le_bytes();
        let mut header = [0; HEADER_SIZE];
        let words = header
            .chunks_exact_mut(4)
            .zip([len, [0; 4], [0; 4], [0; 4], state]);
        for (to, word) in words {
            to.iter_mut().zip(word).for_each(|(to, byte)| *to = byte);
        }
        self.memory.write(at, &header)?;
        self.memory.write(at.wrapping_add(IN_OFFSET), message)
    }

    /// Takes the answer out of a slot that the device has given back.
    ///
    /// # Errors
    ///
    /// - `ENOTCONN` if nobody answers messages.
    /// - `ECANCELED` if there will be no answer.
    /// - `EIO` if the device has written something else.
    pub(crate) fn take(&self, slot: u32, answer: &mut Bytes) -> Result<Answer> {
        let at = self.offset(slot)?;
        let mut header = [0; HEADER_SIZE];
        self.memory.read(at, &mut header)?;
        let mut words = header.chunks_exact(4).map(|word| {
            word.iter()
                .rev()
                .fold(0u32, |value, byte| value << 8 | u32::from(*byte))
        });
        let (Some(len), Some(status), Some(state)) = (words.nth(2), words.next(), words.next())
        else {
            return Err(EIO);
        };
        match state {
            uapi::VGPU_MSG_STATE_ANSWERED => (),
            uapi::VGPU_MSG_STATE_NOT_CONNECTED => return Err(compat::enotconn()),
            uapi::VGPU_MSG_STATE_LOST => return Err(compat::ecanceled()),
            _ => return Err(EIO),
        }
        // CAST: Wider.
        let whole = len as usize;
        if whole > OUT_MAX {
            return Err(EIO);
        }
        let fits = answer.capacity().min(whole);
        self.memory
            .read_into(at.wrapping_add(OUT_OFFSET), answer, fits)?;
        Ok(Answer { len, status })
    }
}
