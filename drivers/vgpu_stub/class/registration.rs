// SPDX-License-Identifier: GPL-2.0

//! The time during which user space can find a class device.

use core::ptr::NonNull;
use kernel::{
    device,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};

use crate::compat;

use super::{
    file,
    interrupts::Interrupts,
    Device,
    Operations, //
};

/// A registered class device.
///
/// Its end comes in this order, and every step has its reason:
///
/// 1. The device is marked gone and all its sleepers are woken up. From here on nobody enters, and
///    whoever waits returns. It has to come first: step 3 waits for running `show` and `store`, and
///    a `store` may be asleep.
/// 2. Files that are open stay open, and their operations can still be called, as can those of
///    interrupts. The gate waits for those inside; the others find it closed. After that nobody
///    announces a change of the device, which must not happen while it is taken away.
/// 3. `cdev_device_del` takes the node and the attributes away. It returns when no `show` or
///    `store` runs any more, so those need no guard. No lock may be held here that they take.
/// 4. The interrupts are disabled and freed, and their handlers have returned.
/// 5. Nobody can reach the registration data any more: it is dropped.
/// 6. The reference to the device is given back. An open file may keep it alive for longer.
///
/// # Invariants
///
/// `device` was added, and its `registration_data` points to `_data`.
pub(crate) struct Registration<'a, T: Operations> {
    // Fields are dropped in declaration order, after `drop`: steps 4 to 6.
    _interrupts: Interrupts<'a, T>,
    _data: KBox<T::RegistrationData<'a>>,
    device: ARef<Device<T>>,
}

impl<'a, T: Operations> Registration<'a, T> {
    /// Makes a class device and shows it to user space.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the class is not registered, `ENOSPC` with a line in the log if it has no number
    /// left, `ENOMEM`, or what the driver core says.
    ///
    /// # Safety
    ///
    /// The registration must be dropped before `'a` ends; in particular it must not be forgotten.
    pub(crate) unsafe fn new(
        parent: &'a device::Device<device::Bound>,
        data: T::Data,
        state: T::State,
        registration_data: T::RegistrationData<'a>,
    ) -> Result<Self> {
        let registration_data = KBox::new(registration_data, GFP_KERNEL)?;
        let device = Device::<T>::new(T::class(), parent, file::vtable::<T>(), data, state)
            .inspect_err(|error| {
                if *error == ENOSPC {
                    dev_err!(
                        parent,
                        "The class {} has no number left: {} devices are the most.\n",
                        T::NAME,
                        super::MINORS
                    );
                }
            })?;

        // SAFETY: The device was just made. The data stays where it is until it is dropped, which
        // is after `Drop` or the error path below, and after the interrupts were freed.
        unsafe { device.set_registration_data(NonNull::from(&*registration_data).cast()) };

        // SAFETY: It lies in a box whose content is not moved, and is dropped after the interrupts,
        // which are all that borrows it for so long: here and below, in the order of declaration
        // and its reverse.
        let borrowed = unsafe { &*core::ptr::from_ref(&*registration_data) };
        // SAFETY: They are kept with the data that they borrow, and dropped before it, which is
        // before `'a` ends, by the caller.
        let interrupts = unsafe { Interrupts::new(parent, &device, borrowed) };

        // SAFETY: `device` is initialised and was not added before.
        let result = unsafe { compat::cdev_device_add(device.cdev(), device.as_raw()) };
        if let Err(error) = to_result(result) {
            // The node may have been open for a moment, and a file from then can be in the middle
            // of an operation: this is an unplug, without a device to delete.
            device.mark_gone();
            device.drain();
            return Err(error);
        }

        // Not earlier: there was nothing to announce a change of.
        device.mark_added();
        T::start(&device, borrowed, !interrupts.is_empty());

        // INVARIANT: As established above.
        Ok(Self {
            _interrupts: interrupts,
            _data: registration_data,
            device,
        })
    }

    /// Returns the device.
    pub(crate) fn device(&self) -> &Device<T> {
        &self.device
    }
}

impl<T: Operations> Drop for Registration<'_, T> {
    fn drop(&mut self) {
        self.device.mark_gone();
        self.device.drain();
        // SAFETY: By the type invariant the device was added, and it is deleted only here.
        unsafe { compat::cdev_device_del(self.device.cdev(), self.device.as_raw()) };
    }
}
