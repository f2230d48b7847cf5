// SPDX-License-Identifier: GPL-2.0

//! The variables that a driver adds to the uevents of its class devices.

use kernel::{
    bindings,
    error::to_result,
    fmt,
    prelude::*, //
};

use super::{
    Device,
    Operations, //
};

/// The environment of a uevent that is being made.
pub(crate) struct Uevent<'a>(&'a mut bindings::kobj_uevent_env);

impl Uevent<'_> {
    /// Adds `KEY=value`, with the value that `write` writes.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the environment is full.
    pub(crate) fn add(
        &mut self,
        key: &CStr,
        write: &dyn Fn(&mut dyn fmt::Write) -> fmt::Result,
    ) -> Result {
        let value = Written(write);
        // SAFETY: The environment is valid, and the format takes a string and, as everywhere in
        // the kernel's Rust code, a pointer to `fmt::Arguments`.
        to_result(unsafe {
            bindings::add_uevent_var(
                self.0,
                c"%s=%pA".as_char_ptr(),
                key.as_char_ptr(),
                core::ptr::from_ref(&fmt!("{}", value)).cast::<c_void>(),
            )
        })
    }
}

/// Makes something that can be formatted of a function that writes.
struct Written<'a>(&'a dyn Fn(&mut dyn fmt::Write) -> fmt::Result);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Adds the driver's variables to a uevent.
///
/// # Safety
///
/// Called by the driver core only, with the `struct device` of a live `Device<T>` and an
/// environment that nobody else uses.
pub(super) unsafe extern "C" fn callback<T: Operations>(
    dev: *const bindings::device,
    env: *mut bindings::kobj_uevent_env,
) -> c_int {
    // SAFETY: By the caller.
    let (device, mut event) = unsafe { (Device::<T>::from_raw(dev), Uevent(&mut *env)) };
    match T::uevent(device, &mut event) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}
