// SPDX-License-Identifier: GPL-2.0

//! Bytes in new memory that is not cleared first: that would take as long as copying into it.

use core::{
    mem::MaybeUninit,
    slice, //
};
use kernel::{
    prelude::*,
    uaccess::UserSlice, //
};

/// Bytes, and space for more.
///
/// # Invariants
///
/// The first `len` bytes are initialised, and are no more than there is space for. The vector
/// itself has no elements: what it does with their number can panic.
pub(crate) struct Bytes {
    memory: KVec<u8>,
    len: usize,
}

impl Bytes {
    /// Allocates space for so many bytes at least. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn with_capacity(capacity: usize) -> Result<Self> {
        let memory = KVec::with_capacity(capacity, GFP_KERNEL)?;
        // INVARIANT: None is initialised.
        Ok(Self { memory, len: 0 })
    }

    /// Copies bytes out of user space. May sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if they are not there, `ENOMEM`.
    pub(crate) fn from_user(slice: UserSlice, len: usize) -> Result<Self> {
        let mut bytes = Self::with_capacity(len)?;
        // SAFETY: It initialises all if it succeeds.
        unsafe { bytes.fill(len, |space| slice.reader().read_raw(space)) }?;
        Ok(bytes)
    }

    /// Returns how many bytes there is space for.
    pub(crate) fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Returns the bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: By the type's invariants.
        unsafe { slice::from_raw_parts(self.memory.as_ptr(), self.len) }
    }

    /// Has all bytes replaced by so many others.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no space for them, else those of `fill`.
    ///
    /// # Safety
    ///
    /// If `fill` succeeds, it has initialised all of what it was given.
    pub(crate) unsafe fn fill(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result,
    ) -> Result {
        if len > self.capacity() {
            return Err(EINVAL);
        }
        // INVARIANT: None is, whatever becomes of them.
        self.len = 0;
        // SAFETY: The vector has allocated so many, and nobody has a reference to one.
        let space = unsafe { slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), len) };
        fill(space)?;
        // INVARIANT: The caller says so.
        self.len = len;
        Ok(())
    }
}
