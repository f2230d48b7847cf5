// SPDX-License-Identifier: GPL-2.0

//! Memory that is shared with a device.

use core::{
    mem::MaybeUninit,
    ptr,
    sync::atomic::{
        compiler_fence,
        Ordering, //
    }, //
};
use kernel::{
    device::Core,
    dma::{
        Coherent,
        Device as _,
        DmaMask, //
    },
    pci,
    prelude::*, //
};

use crate::{
    class::Bytes,
    compat, //
};

/// Memory that a device may read and write at any time: what is in it is copied, and never
/// referred to.
pub(crate) struct SharedMemory(Coherent<[u8]>);

// SAFETY: It may be freed from any thread.
unsafe impl Send for SharedMemory {}

// SAFETY: Nobody gets a reference to what is in it. Of two who copy at the same time, one may find
// what the other one has written in part, as with the device.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Allocates zeroed memory at an address that a device can have: of 64 bits, or of 32 if the
    /// machine is not able to. May sleep.
    ///
    /// # Errors
    ///
    /// `EIO` if the device can have none, `ENOMEM`.
    pub(crate) fn new(pdev: &pci::Device<Core<'_>>, size: usize) -> Result<Self> {
        // SAFETY: This is called while the driver is being bound, before there is any memory for
        // the device.
        unsafe {
            pdev.dma_set_mask_and_coherent(DmaMask::new::<64>())
                .or_else(|_| pdev.dma_set_mask_and_coherent(DmaMask::new::<32>()))?
        };
        Coherent::zeroed_slice(pdev.as_ref(), size, GFP_KERNEL).map(Self)
    }

    /// Returns the address at which the device finds it.
    pub(crate) fn address(&self) -> u64 {
        // CAST: Not wider, and as wide on a 64-bit machine.
        compat::dma_address(&self.0) as u64
    }

    /// Returns a pointer to a part of it.
    fn part(&self, offset: usize, len: usize) -> Result<*mut u8> {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if end > self.0.size() {
            return Err(EINVAL);
        }
        // It begins where the bytes do.
        Ok(self.0.as_mut_ptr().cast::<u8>().wrapping_add(offset))
    }

    /// Copies bytes into it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the memory ends before them; so do all of the following.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result {
        let to = self.part(offset, bytes.len())?;
        // SAFETY: There are so many bytes at both, and nobody has a reference to those here.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Copies bytes out of it.
    pub(crate) fn read(&self, offset: usize, bytes: &mut [u8]) -> Result {
        let from = self.part(offset, bytes.len())?;
        // SAFETY: As above, and any byte is a value of its type.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        // What was read is what counts: the compiler is not to read it again.
        compiler_fence(Ordering::SeqCst);
        Ok(())
    }

    /// Copies bytes out of it in place of those that are there.
    ///
    /// # Errors
    ///
    /// `EINVAL` also if there is no space for them.
    pub(crate) fn read_into(&self, offset: usize, bytes: &mut Bytes, len: usize) -> Result {
        let from = self.part(offset, len)?;
        let copy = |space: &mut [MaybeUninit<u8>]| {
            // SAFETY: There are so many bytes at both, and any byte is a value of its type.
            unsafe { ptr::copy_nonoverlapping(from.cast(), space.as_mut_ptr(), space.len()) };
            // As in `read`.
            compiler_fence(Ordering::SeqCst);
            Ok(())
        };
        // SAFETY: Bytes that were copied are initialised.
        unsafe { bytes.fill(len, copy) }
    }
}
