// SPDX-License-Identifier: GPL-2.0

//! Class devices with attributes, a character device node and revocation.
//!
//! The kernel crate has no abstraction for `struct class`, `struct device_attribute` or
//! `struct cdev`. This one is written as if it were to become one: it is generic, knows no vGPU,
//! and holds every `unsafe` block of the driver.
//!
//! A class device has three lifetimes, and each is a type of its own:
//!
//! - [`Device`] is reference counted. An open file keeps it alive for as long as it likes, whatever
//!   becomes of the hardware.
//! - [`Registration`] is the time during which user space can find the device. It lies within the
//!   time that the parent is bound, so its data may borrow from the parent.
//! - [`Guard`] is the proof, inside one call, that the device is registered now.
//!
//! What makes unplugging safe at any moment is their order of events, see [`Registration`].
//!
//! C headers: [`include/linux/device/class.h`](srctree/include/linux/device/class.h),
//! [`include/linux/cdev.h`](srctree/include/linux/cdev.h)

mod attribute;
pub(crate) mod compat;
mod device;
mod file;
mod interrupts;
pub(crate) mod pci;
mod power;
mod registration;

pub(crate) use self::{
    attribute::{
        attribute_groups,
        Attribute,
        AttributeGroups,
        Visibility, //
    },
    device::{
        Device,
        Interrupted,
        Uevent, //
    },
    file::File,
    interrupts::{
        Line,
        MAX_LINES, //
    },
    registration::{
        Guard,
        Registration, //
    }, //
};

/// What the expansion of [`attribute_groups!`] needs.
pub(crate) mod private {
    pub(crate) use super::attribute::{
        Always,
        AttributeList,
        DeviceAttribute,
        Group, //
    };
}

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        }, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque,
    uaccess::UserSliceWriter, //
};

/// Device numbers that are reserved for a class, and so its highest number of devices.
const MINORS: u32 = 256;

/// What a driver implements to have class devices.
#[vtable]
pub(crate) trait Operations: Sized + Send + Sync + 'static {
    /// Lives as long as the [`Device`]: what has to survive an unplug.
    type Data: Send + Sync;

    /// The part of the device's state that its threads wait for, under the device's lock.
    type State: Send + Unpin;

    /// Lives as long as the [`Registration`]: what borrows from the bound parent.
    type RegistrationData<'a>: Send + Sync + 'a;

    /// Lives as long as an open file: what the file has seen so far.
    type FileData: Send + Sync;

    /// What an interrupt line of the device is handled by.
    type Handler<'a>: compat::ThreadedHandler + Send + 'a;

    /// Name of the class, and what the names of its devices begin with.
    const NAME: &'static CStr;

    /// The attributes that each device has.
    const ATTRIBUTES: &'static AttributeGroups;

    /// The class that devices of this driver belong to.
    fn class() -> &'static Class<Self>;

    /// The interrupt lines, and what each is to be handled by from before the device is registered
    /// until it no longer is.
    fn lines<'a>(
        device: &ARef<Device<Self>>,
        registration_data: &'a Self::RegistrationData<'a>,
    ) -> Result<[Option<Line<'a, Self>>; MAX_LINES]>;

    /// Has the hardware interrupt: the device is registered, or the machine has been asleep.
    fn start(device: &Device<Self>, registration_data: &Self::RegistrationData<'_>);

    /// Has it interrupt no more: the lines are about to be given up, or the kernel is.
    fn stop(registration_data: &Self::RegistrationData<'_>);

    /// Adds the variables of a uevent.
    fn uevent(device: &Device<Self>, event: &mut Uevent<'_>) -> Result;

    /// Handles an ioctl; `arg` is the caller's third argument.
    ///
    /// It may be called after the device is gone; [`Device::enter`] says so.
    fn ioctl(file: &File<'_, Self>, command: u32, arg: usize) -> Result;

    /// What a file that is being opened has seen: nothing of what comes.
    fn open(device: &Device<Self>) -> Self::FileData;

    /// Handles a read of at least one byte, and returns how much it read.
    ///
    /// It is not called after the device is gone, but the device may go in the middle of it.
    fn read(file: &File<'_, Self>, buffer: UserSliceWriter) -> Result<usize>;

    /// Whether a read would not have to wait.
    fn is_readable(file: &File<'_, Self>) -> bool;
}

/// A class of devices: `/sys/class/NAME`, with a range of device numbers.
///
/// It lives in a `static`, as a C driver's `struct class` does, and is usable between
/// [`Class::register`] and the drop of what that returns.
pub(crate) struct Class<T: Operations> {
    inner: Opaque<bindings::class>,
    minors: Opaque<bindings::ida>,
    /// The device number of minor 0 of the range; 0 while the class is not registered.
    first: Atomic<u32>,
    /// The objects that the driver core has still to release: the class, and every device that
    /// has a minor.
    unreleased: Atomic<u32>,
    _driver: PhantomData<T>,
}

// SAFETY: `inner` and `minors` are only touched by C functions that do their own locking, except
// while `Registered` is made, which is once and before anything else can reach the class.
unsafe impl<T: Operations> Sync for Class<T> {}

impl<T: Operations> Class<T> {
    /// Makes a class that is not registered yet.
    pub(crate) const fn new() -> Self {
        Self {
            inner: Opaque::zeroed(),
            minors: Opaque::zeroed(),
            first: Atomic::new(0),
            unreleased: Atomic::new(0),
            _driver: PhantomData,
        }
    }

    /// Registers the class. It can be done once in a module's life.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it was done before, else what the C functions say.
    pub(crate) fn register(&'static self) -> Result<Registered<T>> {
        if self.first.load(Acquire) != 0 {
            return Err(EBUSY);
        }

        // SAFETY: Nobody else has seen the class yet, so its fields are ours to write, and it is
        // static, so the C side may keep pointers to it. `minors` is a zeroed `struct ida`, which
        // lacks nothing but the initialisation of its xarray.
        unsafe {
            let class = self.inner.get();
            (*class).name = T::NAME.as_char_ptr();
            (*class).dev_groups = T::ATTRIBUTES.as_ptr();
            (*class).dev_uevent = Some(device::uevent_callback::<T>);
            (*class).class_release = Some(release_callback::<T>);
            (*class).pm = power::operations::<T>();
            (*class).shutdown_pre = Some(power::shutdown_callback::<T>);
            bindings::xa_init_flags(&raw mut (*self.minors.get()).xa, IDA_INIT_FLAGS);
        }

        let mut first = 0;
        // SAFETY: `first` outlives the call, and `NAME` is static.
        to_result(unsafe {
            bindings::alloc_chrdev_region(&mut first, 0, MINORS, T::NAME.as_char_ptr())
        })?;

        // SAFETY: `inner` was filled in above and is static.
        if let Err(error) = to_result(unsafe { bindings::class_register(self.inner.get()) }) {
            // SAFETY: The region was allocated above and has no devices.
            unsafe { bindings::unregister_chrdev_region(first, MINORS) };
            return Err(error);
        }

        self.unreleased.fetch_add(1, Relaxed);
        self.first.store(first, Release);
        Ok(Registered(self))
    }

    fn as_raw(&self) -> *mut bindings::class {
        self.inner.get()
    }

    /// Takes the lowest free minor.
    fn take_minor(&self) -> Result<u32> {
        // SAFETY: A device exists, so the class was registered and `minors` initialised.
        let minor = unsafe {
            bindings::ida_alloc_range(self.minors.get(), 0, MINORS - 1, bindings::GFP_KERNEL)
        };
        to_result(minor.min(0))?;
        self.unreleased.fetch_add(1, Relaxed);
        Ok(minor.unsigned_abs())
    }

    /// Gives back what [`Self::take_minor`] returned.
    fn give_minor(&self, minor: u32) {
        // SAFETY: By the caller, `minor` is allocated in `minors`.
        unsafe { bindings::ida_free(self.minors.get(), minor) };
        self.unreleased.fetch_sub(1, Release);
    }

    /// Waits until the driver core has released everything that it had of this class.
    ///
    /// It calls back into the module for that, at a time of its own choosing: whoever looks at a
    /// device at the wrong moment is the last to put it, and `CONFIG_DEBUG_KOBJECT_RELEASE` waits
    /// for seconds on purpose.
    fn wait_for_releases(&self) {
        const PAUSE: Delta = Delta::from_millis(10);

        if self.unreleased.load(Acquire) == 0 {
            return;
        }
        while self.unreleased.load(Acquire) != 0 {
            fsleep(PAUSE);
        }
        // The last callback has counted itself, and has yet to return.
        fsleep(PAUSE);
    }

    /// The device number that belongs to a minor of this class.
    fn devt(&self, minor: u32) -> bindings::dev_t {
        // The range does not cross into another major, so this cannot overflow.
        self.first.load(Acquire).wrapping_add(minor)
    }
}

/// `IDA_INIT_FLAGS` of `include/linux/idr.h`, which bindgen cannot take.
const IDA_INIT_FLAGS: bindings::gfp_t =
    bindings::xa_lock_type_XA_LOCK_IRQ | bindings::XA_FLAGS_ALLOC;

/// A class while it is registered; dropping it takes it away again.
///
/// # Invariants
///
/// The class is registered and its device number region allocated.
pub(crate) struct Registered<T: Operations>(&'static Class<T>);

impl<T: Operations> Drop for Registered<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the class is registered. This is dropped after the driver
        // of the module was unregistered, so none of its devices is.
        unsafe { bindings::class_unregister(self.0.as_raw()) };
        self.0.wait_for_releases();
        // SAFETY: By the type invariant the region is allocated, and there are no devices any more.
        unsafe {
            bindings::unregister_chrdev_region(self.0.devt(0), MINORS);
            bindings::ida_destroy(self.0.minors.get());
        }
    }
}

/// Notes that the driver core has done with a class.
///
/// # Safety
///
/// Called by the driver core only, once, for the class of `T`.
unsafe extern "C" fn release_callback<T: Operations>(_class: *const bindings::class) {
    T::class().unreleased.fetch_sub(1, Release);
}
