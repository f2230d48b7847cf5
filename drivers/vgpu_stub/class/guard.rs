// SPDX-License-Identifier: GPL-2.0

//! Using a class device while it is registered.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::compat::SrcuGuard;

use super::{
    Device,
    Operations, //
};

impl<T: Operations> Device<T> {
    /// Enters the registration: as long as the guard lives, it does not end.
    ///
    /// An unplug waits for the guard, so do not sleep for long while holding it, nor access the
    /// memory of a process, which may take any time; to wait for something, drop it, use
    /// [`Self::wait`] and enter again. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device is gone.
    pub(crate) fn enter(&self) -> Result<Guard<'_, T>> {
        let entered = self.enter_gate();
        if self.is_gone() {
            return Err(ENODEV);
        }
        // INVARIANT: `registration_data` is valid, by the type invariant of `Device`: it was not
        // gone after the gate was entered.
        Ok(Guard {
            device: self,
            _entered: entered,
        })
    }

    /// Calls `f` with the registration data, unless the device is gone. May sleep.
    #[cold]
    pub(crate) fn if_registered(&self, f: fn(&Self, &T::RegistrationData<'_>)) {
        if let Ok(guard) = self.enter() {
            guard.with(|data| f(self, data));
        }
    }
}

/// Proof that a registration has not ended, for as long as it lives.
///
/// # Invariants
///
/// `device` has valid registration data, and is not taken away, while `_entered` holds up the end
/// of its registration.
pub(crate) struct Guard<'a, T: Operations> {
    device: &'a Device<T>,
    _entered: SrcuGuard<'a>,
}

impl<'a, T: Operations> Guard<'a, T> {
    /// Wakes up those who poll an attribute for a change. Does nothing before the device was
    /// added: nobody can poll it. May sleep.
    pub(crate) fn notify_attribute(&self, name: &CStr) {
        if !self.device.is_added() {
            return;
        }
        let kobj = self.device.kobj();
        // SAFETY: The device was added, it is not taken away while `self` lives, and the name is a
        // string.
        unsafe { bindings::sysfs_notify(kobj, core::ptr::null(), name.as_char_ptr()) };
    }

    /// Sends a uevent `change`. Does nothing before the device was added: `add` was not sent
    /// yet. May sleep.
    pub(crate) fn announce_change(&self) {
        if !self.device.is_added() {
            return;
        }
        let kobj = self.device.kobj();
        // SAFETY: As above.
        let result =
            unsafe { bindings::kobject_uevent(kobj, bindings::kobject_action_KOBJ_CHANGE) };
        // Best effort: the attributes are already up to date.
        let _ = result;
    }

    /// Calls `f` with the registration data.
    ///
    /// `f` has to work for any two lifetimes, so that nothing that it borrows can get out of it,
    /// nor into the data.
    pub(crate) fn with<R>(
        &self,
        f: impl for<'b, 'data> FnOnce(&'b T::RegistrationData<'data>) -> R,
    ) -> R {
        // SAFETY: By the type invariant the registration does not end while `self` lives, and `f`
        // cannot choose the lifetimes.
        f(unsafe { self.device.registration_data_unchecked() })
    }
}
