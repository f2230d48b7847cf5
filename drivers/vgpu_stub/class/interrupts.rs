// SPDX-License-Identifier: GPL-2.0

//! The interrupts of a registered class device.

use core::ptr::NonNull;
use kernel::{
    device,
    irq::{
        IrqReturn,
        ThreadedIrqReturn, //
    },
    prelude::*,
    str::CString,
    sync::aref::ARef, //
};

use crate::compat::{
    Flags,
    IrqRequest,
    ThreadedHandler,
    ThreadedRegistration, //
};

use super::{
    Device,
    Operations, //
};

/// An interrupt of a device.
pub(crate) struct Interrupt<'a> {
    /// The interrupt, as the bus has found it.
    pub(crate) request: IrqRequest<'a>,
    /// Other devices may have the same one.
    pub(crate) is_shared: bool,
    /// Its purpose, as a part of its name in `/proc/interrupts`; `None` if it is for everything.
    pub(crate) purpose: Option<&'static CStr>,
}

/// Hands an interrupt over to the driver.
///
/// # Invariants
///
/// `registration_data` is valid for as long as the handler exists.
struct Handler<T: Operations> {
    device: ARef<Device<T>>,
    registration_data: NonNull<T::RegistrationData<'static>>,
    index: usize,
}

// SAFETY: The device is `Send` and `Sync`, and so is the registration data, of which it has a
// shared reference.
unsafe impl<T: Operations> Send for Handler<T> {}

// SAFETY: As above.
unsafe impl<T: Operations> Sync for Handler<T> {}

impl<T: Operations> Handler<T> {
    fn registration_data<'b, 'data>(&'b self) -> &'b T::RegistrationData<'data> {
        // SAFETY: By the type invariant. Those who call this hand it to functions that work for any
        // two lifetimes.
        unsafe { self.registration_data.cast().as_ref() }
    }
}

impl<T: Operations> ThreadedHandler for Handler<T> {
    fn handle(&self) -> ThreadedIrqReturn {
        T::handle(&self.device, self.registration_data(), self.index)
    }

    fn handle_threaded(&self) -> IrqReturn {
        T::handle_threaded(&self.device, self.registration_data(), self.index);
        IrqReturn::Handled
    }
}

/// An interrupt that was requested, and those before it.
struct Requested<'a, T: Operations> {
    // Fields are dropped in declaration order: the name is used until the interrupt is freed.
    _registration: Pin<KBox<ThreadedRegistration<'a, Handler<T>>>>,
    _name: CString,
    _before: Option<KBox<Self>>,
}

impl<'a, T: Operations> Requested<'a, T> {
    /// Requests an interrupt.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the interrupt core says: `EBUSY` if somebody who has the same line does
    /// not share it in the same way.
    ///
    /// # Safety
    ///
    /// The result must be dropped before `'a` ends; in particular it must not be forgotten. The
    /// registration data must be valid until then.
    unsafe fn new(
        interrupt: Interrupt<'a>,
        handler: Handler<T>,
        before: Option<KBox<Self>>,
    ) -> Result<Self> {
        let minor = handler.device.minor();
        let name = match interrupt.purpose {
            Some(purpose) => CString::try_from_fmt(fmt!("{}{minor}-{purpose}", T::NAME)),
            None => CString::try_from_fmt(fmt!("{}{minor}", T::NAME)),
        }?;
        // SAFETY: The name lies in an allocation of its own that is freed after the interrupt.
        let lasting: &'static CStr = unsafe { &*core::ptr::from_ref::<CStr>(&name) };
        let flags = match interrupt.is_shared {
            true => Flags::SHARED,
            false => Flags::TRIGGER_NONE,
        };
        // SAFETY: By the caller.
        let registration =
            unsafe { ThreadedRegistration::new(interrupt.request, flags, lasting, Ok(handler)) };
        Ok(Self {
            _registration: KBox::pin_init(registration, GFP_KERNEL)?,
            _name: name,
            _before: before,
        })
    }
}

/// All interrupts of a device while they are requested, or none.
pub(super) struct Interrupts<'a, T: Operations> {
    // Freed after `drop` has disabled them. A list, and not the few words that a vector would be:
    // its code has no way to panic.
    requested: Option<KBox<Requested<'a, T>>>,
    registration_data: &'a T::RegistrationData<'a>,
}

impl<'a, T: Operations> Interrupts<'a, T> {
    /// Requests the interrupts of a device. Without one of them it does without all, and a line in
    /// the log says why.
    ///
    /// # Safety
    ///
    /// The result must be dropped before the data that `registration_data` refers to, and before
    /// `'a` ends; in particular it must not be forgotten.
    pub(super) unsafe fn new(
        parent: &device::Device<device::Bound>,
        device: &ARef<Device<T>>,
        registration_data: &'a T::RegistrationData<'a>,
    ) -> Self {
        let mut interrupts = Self {
            requested: None,
            registration_data,
        };
        // SAFETY: By the caller.
        if let Err(error) = unsafe { interrupts.request(device) } {
            dev_warn!(
                parent,
                "Interrupts cannot be requested ({:?}): polling for completions; changes are \
                 noticed when somebody asks.\n",
                error
            );
            T::stop(registration_data);
            interrupts.requested = None;
        }
        interrupts
    }

    /// # Safety
    ///
    /// As for [`Self::new`].
    unsafe fn request(&mut self, device: &ARef<Device<T>>) -> Result {
        let mut index = 0usize;
        while let Some(interrupt) = T::interrupt(self.registration_data, index) {
            // INVARIANT: By the caller of `new`.
            let handler = Handler {
                device: device.clone(),
                registration_data: NonNull::from(self.registration_data).cast(),
                index,
            };
            // SAFETY: By the caller.
            let requested = unsafe { Requested::new(interrupt, handler, self.requested.take())? };
            self.requested = Some(KBox::new(requested, GFP_KERNEL)?);
            index = index.wrapping_add(1);
        }
        Ok(())
    }

    /// Checks whether the device does without interrupts.
    pub(super) fn is_empty(&self) -> bool {
        self.requested.is_none()
    }
}

impl<T: Operations> Drop for Interrupts<'_, T> {
    fn drop(&mut self) {
        T::stop(self.registration_data);
    }
}
