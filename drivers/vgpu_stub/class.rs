// SPDX-License-Identifier: GPL-2.0

//! Class devices with attributes, a character device node and revocation.
//!
//! The kernel crate has no abstraction for `struct class`, `struct device_attribute` or
//! `struct cdev`. This one is written as if it were to become one: it is generic, and knows neither
//! a vGPU nor a bus.
//!
//! A class device has three lifetimes, and each is a type of its own:
//!
//! - [`Device`] is reference counted. An open file keeps it alive for as long as it likes, whatever
//!   becomes of the hardware.
//! - [`Registration`] is the time during which user space can find the device. It lies within the
//!   time that the parent is bound, so its data may borrow from the parent.
//! - [`Guard`] is the proof, inside one call, that the registration has not ended.
//!
//! Their order of events makes unplugging safe at any moment, see [`Registration`].
//!
//! C headers: [`include/linux/device/class.h`](srctree/include/linux/device/class.h),
//! [`include/linux/cdev.h`](srctree/include/linux/cdev.h)

pub(crate) mod attribute;
mod bytes;
mod device;
mod file;
mod guard;
mod interrupts;
mod power;
mod registration;
mod uevent;
mod user;
mod wait;

pub(crate) use self::{
    attribute::{
        attribute_groups,
        Attribute,
        AttributeGroups,
        Visibility, //
    },
    bytes::Bytes,
    device::{
        Device,
        StateGuard, //
    },
    file::File,
    guard::Guard,
    interrupts::Interrupt,
    registration::Registration,
    uevent::Uevent,
    user::Plain,
    wait::{
        Deadline,
        Limits,
        WaitError, //
    }, //
};

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::to_result,
    irq::ThreadedIrqReturn,
    prelude::*,
    sync::{
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

use crate::compat;

/// Device numbers that are reserved for a class, and so its highest number of devices.
const MINORS: u32 = 256;

/// Implemented by a driver that has class devices.
///
/// The registration data borrows from the bound parent, and a callback borrows the data. These are
/// two lifetimes: with one, data with interior mutability could borrow from itself.
///
/// Callbacks may sleep unless they say otherwise. Those with registration data hold up the end of
/// the registration, so they must not wait for anything but by [`Device::wait`].
///
/// # Examples
///
/// Devices with an attribute `reading`, whose node says whether a reading is other than 0.
///
/// ```ignore
/// /// The devices of `/sys/class/meter`.
/// struct Meter;
///
/// static CLASS: Class<Meter> = Class::new();
///
/// struct Reading;
///
/// #[vtable]
/// impl Attribute<Meter> for Reading {
///     const NAME: &'static CStr = c"reading";
///
///     fn show(_device: &Device<Meter>, bar: &Bar<'_>, out: &mut dyn fmt::Write) -> Result {
///         Ok(write!(out, "{}", bar.try_read32(0)?)?)
///     }
/// }
///
/// attribute_groups! {
///     static ATTRIBUTES: Meter = [Reading];
/// }
///
/// #[vtable]
/// impl class::Operations for Meter {
///     type Data = ();
///     type State = ();
///     type Reason = ();
///     type RegistrationData<'a> = Bar<'a>;
///     type FileData = ();
///
///     const NAME: &'static CStr = c"meter";
///     const ATTRIBUTES: &'static AttributeGroups<Self> = &ATTRIBUTES;
///
///     fn class() -> &'static Class<Self> {
///         &CLASS
///     }
///
///     fn interrupt<'b>(_bar: &'b Bar<'_>, _index: usize) -> Option<Interrupt<'b>> {
///         None
///     }
///
///     fn handle(_device: &Device<Self>, _bar: &Bar<'_>, _index: usize) -> ThreadedIrqReturn {
///         ThreadedIrqReturn::None
///     }
///
///     fn handle_threaded(_device: &Device<Self>, _bar: &Bar<'_>, _index: usize) {}
///     fn start(_device: &Device<Self>, _bar: &Bar<'_>, _have_interrupts: bool) {}
///     fn prepare_reset(_device: &Device<Self>, _bar: &Bar<'_>) {}
///     fn adopt(_device: &Device<Self>, _bar: &Bar<'_>) {}
///     fn stop(_bar: &Bar<'_>) {}
///
///     fn uevent(_device: &Device<Self>, _event: &mut Uevent<'_>) -> Result {
///         Ok(())
///     }
///
///     fn ioctl(_file: &File<'_, Self>, _command: u32, _arg: usize) -> Result {
///         Err(ENOTTY)
///     }
///
///     fn open(_device: &Device<Self>) {}
///
///     fn read(file: &File<'_, Self>, mut buffer: UserSliceWriter) -> Result<usize> {
///         // The guard is dropped before the copy, which may take any time.
///         let reading = file.device().enter()?.with(|bar| bar.try_read32(0))?;
///         buffer.write(&u8::from(reading != 0))?;
///         Ok(1)
///     }
///
///     fn is_readable(_file: &File<'_, Self>) -> bool {
///         true
///     }
/// }
/// ```
#[vtable]
pub(crate) trait Operations: Sized + Send + Sync + 'static {
    /// Lives as long as the [`Device`]: what has to survive an unplug.
    type Data: Send + Sync;

    /// The part of the device's state that its threads wait for, under the device's lock.
    type State: Send + Unpin;

    /// The reasons for which a task may sleep in [`Device::wait`].
    type Reason: Copy + Eq + Send + 'static;

    /// Lives as long as the [`Registration`]: what borrows from the bound parent.
    type RegistrationData<'a>: Send + Sync + 'a;

    /// Lives as long as an open file: what the file has seen so far.
    type FileData: Send + Sync;

    /// Name of the class, and what the names of its devices begin with.
    const NAME: &'static CStr;

    /// The attributes that each device has.
    const ATTRIBUTES: &'static AttributeGroups<Self>;

    /// Returns the class that devices of this driver belong to.
    fn class() -> &'static Class<Self>;

    /// Returns one of the device's interrupts, by a number from 0 on; `None` beyond the last one.
    ///
    /// They are requested before the device is added and freed after it was removed.
    fn interrupt<'b>(
        registration_data: &'b Self::RegistrationData<'_>,
        index: usize,
    ) -> Option<Interrupt<'b>>;

    /// Handles an interrupt. Called in interrupt context, before the device is added, too.
    fn handle(
        device: &Device<Self>,
        registration_data: &Self::RegistrationData<'_>,
        index: usize,
    ) -> ThreadedIrqReturn;

    /// Handles the rest of an interrupt for which [`Self::handle`] has asked for the thread. May
    /// sleep.
    fn handle_threaded(
        device: &Device<Self>,
        registration_data: &Self::RegistrationData<'_>,
        index: usize,
    );

    /// Called once the device was added: enables interrupts, if they could be had, and catches up
    /// with what has happened before. May sleep.
    fn start(
        device: &Device<Self>,
        registration_data: &Self::RegistrationData<'_>,
        have_interrupts: bool,
    );

    /// Called before the hardware of a registered device is reset. May sleep.
    fn prepare_reset(device: &Device<Self>, registration_data: &Self::RegistrationData<'_>);

    /// Called when the hardware may have been reset, replaced or moved: after a reset, and when the
    /// machine wakes up. May sleep.
    fn adopt(device: &Device<Self>, registration_data: &Self::RegistrationData<'_>);

    /// Disables all interrupts: they are about to be freed, or the kernel ends. May be called
    /// before [`Self::start`], and more than once.
    fn stop(registration_data: &Self::RegistrationData<'_>);

    /// Adds the variables of a uevent. May sleep.
    fn uevent(device: &Device<Self>, event: &mut Uevent<'_>) -> Result;

    /// Handles an ioctl; `arg` is the caller's third argument.
    ///
    /// Called after the device is gone, too; [`Device::enter`] says so.
    fn ioctl(file: &File<'_, Self>, command: u32, arg: usize) -> Result;

    /// Called on open(2); returns the per-file data.
    fn open(device: &Device<Self>) -> Self::FileData;

    /// Handles a read of at least one byte, and returns how much it read.
    ///
    /// It is not called after the device is gone, but the device may go in the middle of it.
    fn read(file: &File<'_, Self>, buffer: UserSliceWriter) -> Result<usize>;

    /// Checks whether a read would not have to wait.
    fn is_readable(file: &File<'_, Self>) -> bool;
}

/// A class of devices: `/sys/class/NAME`, with a range of device numbers.
///
/// It lives in a `static`, as a C driver's `struct class` does, and has devices between
/// [`Class::register`] and the drop of what that returns.
///
/// # Invariants
///
/// - `inner` and `minors` are only written to by the one caller of [`Class::register`] that has
///   changed `phase` from `NEW`.
/// - While `phase` is `REGISTERED`, `inner` is registered, `minors` initialised, and `first` the
///   first number of an allocated region. They stay so until `unreleased` has come to 0.
pub(crate) struct Class<T: Operations> {
    inner: Opaque<bindings::class>,
    minors: Opaque<bindings::ida>,
    phase: Atomic<u32>,
    /// The device number of minor 0 of the range.
    first: Atomic<u32>,
    /// The objects that the driver core has still to release: the class, and every device that
    /// has a minor.
    unreleased: Atomic<u32>,
    _driver: PhantomData<T>,
}

/// A class that nobody has registered.
const NEW: u32 = 0;
/// It is being registered, or failed to, and cannot be used.
const UNUSABLE: u32 = 1;
/// It is registered.
const REGISTERED: u32 = 2;

// SAFETY: `inner` and `minors` are only touched by C functions that do their own locking, except
// in `register`, where the type invariant gives them to one caller.
unsafe impl<T: Operations> Sync for Class<T> {}

impl<T: Operations> Class<T> {
    /// Makes a class that is not registered yet.
    pub(crate) const fn new() -> Self {
        Self {
            inner: Opaque::zeroed(),
            minors: Opaque::zeroed(),
            phase: Atomic::new(NEW),
            first: Atomic::new(0),
            unreleased: Atomic::new(0),
            _driver: PhantomData,
        }
    }

    /// Registers the class. It can be done once in a module's life.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it was done before, `EEXIST` with a line in the log if there is a class of that
    /// name, else what the C functions say.
    ///
    /// # Safety
    ///
    /// The result must be dropped before the module is unloaded; in particular it must not be
    /// forgotten.
    pub(crate) unsafe fn register(&'static self) -> Result<Registered<T>> {
        if self.phase.cmpxchg(NEW, UNUSABLE, Acquire).is_err() {
            return Err(EBUSY);
        }

        // SAFETY: This is the one caller that has changed `phase` from `NEW`, so by the type
        // invariant the fields are ours to write. The class is static, so the C side may keep
        // pointers to it. `minors` is a zeroed `struct ida`, which lacks nothing but the
        // initialisation of its xarray.
        unsafe {
            let class = self.inner.get();
            (*class).name = T::NAME.as_char_ptr();
            (*class).dev_groups = T::ATTRIBUTES.as_ptr();
            (*class).dev_uevent = Some(uevent::callback::<T>);
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
            if error == EEXIST {
                pr_err!(
                    "The class /sys/class/{} exists already, of another driver.\n",
                    T::NAME
                );
            }
            return Err(error);
        }

        self.unreleased.fetch_add(1, Relaxed);
        self.first.store(first, Relaxed);
        // INVARIANT: All of it was done above.
        self.phase.store(REGISTERED, Release);
        Ok(Registered(self))
    }

    fn as_raw(&self) -> *mut bindings::class {
        self.inner.get()
    }

    /// Takes the lowest free minor, which keeps the class registered until it is given back.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the class is not registered, `ENOSPC` if no minor is free.
    fn take_minor(&self) -> Result<u32> {
        // First, so that the end of the class waits from here on.
        self.unreleased.fetch_add(1, Acquire);
        let minor = match self.phase.load(Acquire) {
            // SAFETY: By the type invariant `minors` is initialised, and stays so.
            REGISTERED => unsafe {
                bindings::ida_alloc_range(self.minors.get(), 0, MINORS - 1, bindings::GFP_KERNEL)
            },
            _ => ENODEV.to_errno(),
        };
        if let Err(error) = to_result(minor.min(0)) {
            self.unreleased.fetch_sub(1, Release);
            return Err(error);
        }
        Ok(minor.unsigned_abs())
    }

    /// Gives back what [`Self::take_minor`] returned.
    fn give_minor(&self, minor: u32) {
        // SAFETY: By the caller, `minor` is allocated in `minors`.
        unsafe { bindings::ida_free(self.minors.get(), minor) };
        self.unreleased.fetch_sub(1, Release);
    }

    /// Waits until the driver core has released everything that it had of this class, and until
    /// the callbacks that it called for that have returned.
    ///
    /// It calls back into the module at a time of its own choosing: whoever looks at a device at
    /// the wrong moment is the last to put it, and `CONFIG_DEBUG_KOBJECT_RELEASE` waits for seconds
    /// on purpose.
    fn wait_for_releases(&self) {
        const PAUSE: Delta = Delta::from_millis(10);

        while self.unreleased.load(Acquire) != 0 {
            fsleep(PAUSE);
        }
        // A callback counts before it returns, and what is left of it is code of the module. Tasks
        // run it; it does not sleep, but may be preempted. A grace period of RCU tasks is over
        // when each task has slept or was in user space since.
        compat::synchronize_rcu_tasks();
    }

    /// Returns the device number that belongs to a minor of this class.
    fn devt(&self, minor: u32) -> bindings::dev_t {
        // The range does not cross into another major, so this cannot overflow.
        self.first.load(Relaxed).wrapping_add(minor)
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
        // No new devices. Those that there are, are not registered any more, or will soon not be:
        // the driver was unregistered before this.
        self.0.phase.store(UNUSABLE, Release);
        // SAFETY: By the type invariant the class is registered.
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
/// Called by the driver core only, once, for the `inner` of a registered `Class<T>`.
unsafe extern "C" fn release_callback<T: Operations>(class: *const bindings::class) {
    // SAFETY: By the caller; a registered class is static.
    let class = unsafe { &*kernel::container_of!(Opaque::cast_from(class), Class<T>, inner) };
    class.unreleased.fetch_sub(1, Release);
}
