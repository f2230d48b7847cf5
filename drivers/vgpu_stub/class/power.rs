// SPDX-License-Identifier: GPL-2.0

//! Resuming a class device, and shutting it down with the machine.
//!
//! The bus saves and restores what it knows of the parent. Registers of the device's own come back
//! as they are after a reset, or as those of another device: an image of a hibernated machine may
//! be resumed on another one. A kernel that is started by this one finds them as they were left.

use core::marker::PhantomData;
use kernel::{
    bindings,
    prelude::*, //
};

use super::{
    Device,
    Operations, //
};

/// Returns the `struct dev_pm_ops` of a driver's devices.
pub(super) const fn operations<T: Operations>() -> &'static bindings::dev_pm_ops {
    &VTable::<T>::VTABLE
}

/// Disables the interrupts of the hardware: nobody is there to handle them until the next kernel
/// has a driver for it, and another device may have the same line.
///
/// # Safety
///
/// Called by the driver core only, with the `struct device` of a `Device<T>` of which it has a
/// reference.
pub(super) unsafe extern "C" fn shutdown_callback<T: Operations>(
    dev: *mut bindings::device,
) -> c_int {
    // SAFETY: By the caller.
    let device = unsafe { Device::<T>::from_raw(dev) };
    device.if_registered(|_, data| T::stop(data));
    0
}

struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const VTABLE: bindings::dev_pm_ops = bindings::dev_pm_ops {
        // From suspend, and from a hibernation that did not come about or did.
        resume: Some(Self::resume),
        thaw: Some(Self::resume),
        restore: Some(Self::resume),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// Called by the driver core only, with the `struct device` of a `Device<T>` of which it has a
    /// reference.
    unsafe extern "C" fn resume(dev: *mut bindings::device) -> c_int {
        // SAFETY: By the caller.
        let device = unsafe { Device::<T>::from_raw(dev) };
        // One that is being taken away does not need it any more.
        device.if_registered(T::adopt);
        0
    }
}
