// SPDX-License-Identifier: GPL-2.0

//! The time during which user space can find a class device.

use core::ptr::NonNull;
use kernel::{
    bindings,
    device,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};

use super::{
    compat::{
        self,
        SrcuGuard, //
    },
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
/// 4. The interrupts are stopped, and their handlers have returned.
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
    /// `ENOSPC` if the class has no number left, `ENOMEM`, or what the driver core says.
    ///
    /// # Safety
    ///
    /// The registration must be dropped before `'a` ends; in particular it must not be forgotten.
    pub(super) unsafe fn new(
        parent: &'a device::Device<device::Bound>,
        data: T::Data,
        state: T::State,
        registration_data: T::RegistrationData<'a>,
    ) -> Result<Self> {
        let registration_data = KBox::new(registration_data, GFP_KERNEL)?;
        let device = Device::<T>::new(parent, data, state)?;

        // SAFETY: The device is not added yet. The data stays where it is until `Drop` or the
        // error path below have drained the device.
        unsafe { device.set_registration_data(NonNull::from(&*registration_data).cast()) };

        // SAFETY: The data is dropped after what borrows it here, and `'a` is not over then.
        let borrowed = unsafe { &*core::ptr::from_ref(&*registration_data) };
        // SAFETY: It is kept with the data, and dropped before it.
        let interrupts = unsafe { Interrupts::new(&device, borrowed)? };

        // SAFETY: `device` is initialised and was not added before.
        let result = unsafe { compat::cdev_device_add(device.cdev(), device.as_raw()) };
        if let Err(error) = to_result(result) {
            // The node may have been open for a moment, and a file from then can be in the middle
            // of an operation: this is an unplug, without a device to delete.
            device.mark_gone();
            device.drain();
            return Err(error);
        }

        // Not earlier: what the interrupts announce has to be there.
        T::start(&device, borrowed);

        // INVARIANT: As established above.
        Ok(Self {
            _interrupts: interrupts,
            _data: registration_data,
            device,
        })
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

/// Proof that a class device is registered, for as long as it lives.
///
/// # Invariants
///
/// `device` is registered while `_entered` holds up the end of its registration.
pub(crate) struct Guard<'a, T: Operations> {
    device: &'a Device<T>,
    _entered: SrcuGuard<'a>,
}

impl<'a, T: Operations> Guard<'a, T> {
    /// Only [`Device::enter`] may make one, which upholds the invariants.
    pub(super) fn new(device: &'a Device<T>, entered: SrcuGuard<'a>) -> Self {
        Self {
            device,
            _entered: entered,
        }
    }

    /// Wakes up those who poll an attribute for a change.
    pub(crate) fn notify_attribute(&self, name: &CStr) {
        let kobj = self.device.kobj();
        // SAFETY: The device is not taken away while `self` lives, and the name is a string.
        unsafe { bindings::sysfs_notify(kobj, core::ptr::null(), name.as_char_ptr()) };
    }

    /// Tells user space that the device has changed.
    pub(crate) fn announce_change(&self) {
        let kobj = self.device.kobj();
        // SAFETY: As above.
        let result =
            unsafe { bindings::kobject_uevent(kobj, bindings::kobject_action_KOBJ_CHANGE) };
        // Nobody is hurt who looks at the attributes.
        let _ = result;
    }

    /// Calls `f` with the registration data.
    ///
    /// `f` has to work for any lifetime, so that nothing it borrows can get out of it.
    pub(crate) fn with<R>(&self, f: impl for<'b> FnOnce(&'b T::RegistrationData<'b>) -> R) -> R {
        // SAFETY: By the type invariant the device is registered while `self` lives, and `f`
        // cannot choose the lifetime.
        f(unsafe { self.device.registration_data_unchecked() })
    }
}
