// SPDX-License-Identifier: GPL-2.0

//! The interrupt lines of a registered class device.

use kernel::{
    pci::IrqType,
    prelude::*,
    sync::aref::ARef, //
};

use super::{
    compat::{
        Flags,
        IrqVector,
        ThreadedRegistration, //
    },
    Device,
    Operations, //
};

/// Most lines that a device can have.
pub(crate) const MAX_LINES: usize = 2;

/// An interrupt line, and what it is handled by.
pub(crate) struct Line<'a, T: Operations> {
    pub(crate) vector: IrqVector<'a>,
    pub(crate) handler: T::Handler<'a>,
}

/// A line while it is handled.
type Handled<'a, T> = Pin<KBox<ThreadedRegistration<'a, <T as Operations>::Handler<'a>>>>;

/// The lines of a device while they are handled.
///
/// A registration of the kernel crate must not be forgotten. Nobody gets hold of these but the
/// [`Registration`](super::Registration), which must not be forgotten either.
pub(super) struct Interrupts<'a, T: Operations> {
    // Given up after the hardware was told.
    _lines: [Option<Handled<'a, T>>; MAX_LINES],
    registration_data: &'a T::RegistrationData<'a>,
}

impl<'a, T: Operations> Interrupts<'a, T> {
    /// Has the lines handled.
    ///
    /// # Errors
    ///
    /// What the driver says, or the interrupt core.
    ///
    /// # Safety
    ///
    /// What this returns must be dropped before `'a` ends; in particular it must not be forgotten.
    pub(super) unsafe fn new(
        device: &ARef<Device<T>>,
        registration_data: &'a T::RegistrationData<'a>,
    ) -> Result<Self> {
        let [first, second] = T::lines(device, registration_data)?;
        // SAFETY: By the caller.
        let lines = unsafe { [Self::request(first)?, Self::request(second)?] };
        Ok(Self {
            _lines: lines,
            registration_data,
        })
    }

    /// # Safety
    ///
    /// As for [`Self::new`].
    unsafe fn request(line: Option<Line<'a, T>>) -> Result<Option<Handled<'a, T>>> {
        let Some(Line { vector, handler }) = line else {
            return Ok(None);
        };
        let flags = match vector.irq_type() {
            IrqType::Intx => Flags::SHARED,
            IrqType::Msi | IrqType::MsiX => Flags::TRIGGER_NONE,
        };
        // SAFETY: By the caller.
        let registration =
            unsafe { ThreadedRegistration::new(vector.into(), flags, T::NAME, Ok(handler)) };
        KBox::pin_init(registration, GFP_KERNEL).map(Some)
    }
}

impl<T: Operations> Drop for Interrupts<'_, T> {
    fn drop(&mut self) {
        T::stop(self.registration_data);
    }
}
