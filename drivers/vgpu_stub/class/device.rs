// SPDX-License-Identifier: GPL-2.0

//! The reference-counted class device.

use core::{
    cell::UnsafeCell,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device,
    error::to_result,
    fmt,
    new_mutex,
    new_poll_condvar,
    prelude::*,
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        atomic::{
            Acquire,
            AtomicFlag,
            Release, //
        },
        poll::PollCondVar,
        CondVarTimeoutResult,
        Mutex, //
    },
    time::Jiffies,
    types::Opaque, //
};

use super::{
    compat::{
        self,
        new_srcu,
        Srcu, //
    },
    Guard,
    Operations, //
};

/// Why [`Device::wait`] ended without what it waited for.
pub(crate) enum Interrupted {
    /// The device went away.
    Gone,
    /// The time is over.
    Timeout,
    /// A signal is pending.
    Signal,
}

/// A class device: `/sys/class/NAME/NAMEn` and `/dev/NAMEn`.
///
/// It stays alive for as long as somebody has a reference to it, which an open file does. Whether
/// it is registered is a question that only [`Device::enter`] can answer.
///
/// # Invariants
///
/// - `dev` and `cdev` are initialised, `dev` is embedded in a `KBox<Self>` whose ownership lies
///   with the reference count of `dev`, and so does `minor`.
/// - `registration_data` points to the data of the [`Registration`](super::Registration) from
///   before the device is added until after all users of the gate have left.
/// - `gone` is set under the lock of `state`, once, and never cleared.
#[pin_data]
pub(crate) struct Device<T: Operations> {
    #[pin]
    dev: Opaque<bindings::device>,
    #[pin]
    cdev: Opaque<compat::cdev>,
    minor: u32,
    /// Holds up the end of a registration until those who entered have left.
    #[pin]
    gate: Srcu,
    gone: AtomicFlag,
    registration_data: UnsafeCell<NonNull<T::RegistrationData<'static>>>,
    /// Everybody who sleeps for this device sleeps here: there is one place to wake them from.
    #[pin]
    queue: PollCondVar,
    #[pin]
    state: Mutex<T::State>,
    data: T::Data,
}

// SAFETY: The C parts are reference counted and may be used and released from any thread.
// `registration_data` is handed out by `enter` and `registration_data_unchecked` only, and only as
// a shared reference to data that is `Sync`. The rest is `Send`.
unsafe impl<T: Operations> Send for Device<T> {}

// SAFETY: The C parts do their own locking. `registration_data` is written while nobody else can
// reach the device. The rest is `Sync`.
unsafe impl<T: Operations> Sync for Device<T> {}

impl<T: Operations> Device<T> {
    /// Makes a device with the lowest free number of its class, which user space cannot see yet.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the class has no number left, `ENOMEM`.
    pub(super) fn new(
        parent: &device::Device<device::Bound>,
        data: T::Data,
        state: T::State,
    ) -> Result<ARef<Self>> {
        let class = T::class();
        let minor = class.take_minor()?;

        let this = KBox::pin_init(
            try_pin_init!(Self {
                dev: Opaque::zeroed(),
                cdev: Opaque::zeroed(),
                minor,
                gate <- new_srcu!(),
                gone: AtomicFlag::new(false),
                registration_data: UnsafeCell::new(NonNull::dangling()),
                queue <- new_poll_condvar!("class::Device::queue"),
                state <- new_mutex!(state, "class::Device::state"),
                data,
            }? Error),
            GFP_KERNEL,
        )
        .inspect_err(|_| class.give_minor(minor))?;

        // SAFETY: The box is not moved out of, its pointer goes to the reference count below.
        let this = NonNull::from(Box::leak(unsafe { Pin::into_inner_unchecked(this) }));
        // SAFETY: `this` was just allocated and is initialised.
        let (dev, cdev) = unsafe { (this.as_ref().dev.get(), this.as_ref().cdev.get()) };

        // SAFETY: `dev` and `cdev` are zeroed and nobody else has seen them. The parent is bound,
        // so it outlives the registration, which is all that `device_add` and `device_del` need.
        // After `device_initialize` the reference count is 1 and `release` owns the box.
        unsafe {
            bindings::device_initialize(dev);
            (*dev).class = class.as_raw();
            (*dev).parent = core::ptr::from_ref(parent).cast_mut().cast();
            (*dev).devt = class.devt(minor);
            (*dev).release = Some(release_callback::<T>);
            compat::cdev_init(cdev, super::file::vtable::<T>());
            (*cdev).owner = compat::this_module::<T>();
        }

        // INVARIANT: `dev` and `cdev` are initialised, and the reference is the one from above.
        // SAFETY: As said; it is handed over here and nowhere else.
        let this = unsafe { ARef::from_raw(this) };

        // SAFETY: `dev` is initialised, and the format takes a string and an unsigned int.
        to_result(unsafe {
            bindings::dev_set_name(dev, c"%s%u".as_char_ptr(), T::NAME.as_char_ptr(), minor)
        })?;
        Ok(this)
    }

    /// The data that lives as long as the device.
    pub(crate) fn data(&self) -> &T::Data {
        &self.data
    }

    /// Whether the device was unregistered.
    ///
    /// `true` is final, `false` may be old news: where it matters, use [`Self::enter`].
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Acquire)
    }

    /// Enters the registration: as long as the guard lives, it does not end.
    ///
    /// An unplug waits for the guard, so do not sleep for long while holding it; to wait for
    /// something, drop it, use [`Self::wait`] and enter again.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device is gone.
    pub(crate) fn enter(&self) -> Result<Guard<'_, T>> {
        let entered = self.gate.read_lock();
        if self.is_gone() {
            return Err(ENODEV);
        }
        // INVARIANT: The device is registered: every guard comes to life after registration, when
        // the C side calls into the driver, and `gone` was clear after the gate was entered.
        Ok(Guard::new(self, entered))
    }

    /// Looks at the state, or changes it in a way that nobody waits for.
    pub(crate) fn with_state<R>(&self, f: impl FnOnce(&mut T::State) -> R) -> R {
        f(&mut self.state.lock())
    }

    /// Wakes up everybody who waits for a change of the state, to look at it.
    pub(crate) fn notify(&self) {
        self.queue.notify_all();
    }

    /// Sleeps until `done` finds in the state what it looks for, and returns that.
    ///
    /// `remaining` is the time that may be used up, and is what was left of it afterwards; `None`
    /// is forever. The sleep ends with the device: unplugging wakes up everybody.
    pub(crate) fn wait<R>(
        &self,
        mut remaining: Option<&mut Jiffies>,
        mut done: impl FnMut(&mut T::State) -> Option<R>,
    ) -> Result<R, Interrupted> {
        let mut state = self.state.lock();
        loop {
            // Under the lock that sets it, or a wake-up could fall between look and sleep.
            if self.is_gone() {
                return Err(Interrupted::Gone);
            }
            if let Some(result) = done(&mut state) {
                return Ok(result);
            }
            let Some(remaining) = remaining.as_deref_mut() else {
                if self.queue.wait_interruptible(&mut state) {
                    return Err(Interrupted::Signal);
                }
                continue;
            };
            match self
                .queue
                .wait_interruptible_timeout(&mut state, *remaining)
            {
                CondVarTimeoutResult::Woken { jiffies } => *remaining = jiffies,
                CondVarTimeoutResult::Signal { jiffies } => {
                    *remaining = jiffies;
                    return Err(Interrupted::Signal);
                }
                CondVarTimeoutResult::Timeout => {
                    *remaining = 0;
                    return Err(Interrupted::Timeout);
                }
            }
        }
    }

    /// The queue that poll(2) waits on.
    pub(super) fn queue(&self) -> &PollCondVar {
        &self.queue
    }

    /// Closes the gate and wakes up everybody who sleeps for this device.
    pub(super) fn mark_gone(&self) {
        // Under the lock: whoever looked before is asleep by now and gets the wake-up.
        self.with_state(|_| self.gone.store(true, Release));
        self.notify();
    }

    /// Waits until all guards that were handed out are gone.
    pub(super) fn drain(&self) {
        self.gate.synchronize();
    }

    /// Sets what [`Self::registration_data_unchecked`] returns.
    ///
    /// # Safety
    ///
    /// The device must not have been added yet, and `data` must stay valid until, after
    /// [`Self::mark_gone`] and the removal of the device, [`Self::drain`] has returned.
    pub(super) unsafe fn set_registration_data(&self, data: NonNull<T::RegistrationData<'static>>) {
        // SAFETY: The device is not added, so there are no readers.
        unsafe { *self.registration_data.get() = data };
    }

    /// The registration data, with its lifetime shortened to that of the borrow.
    ///
    /// # Safety
    ///
    /// The device must be registered for as long as the reference lives, and the reference must
    /// only be given to code that cannot choose its lifetime.
    pub(super) unsafe fn registration_data_unchecked(&self) -> &T::RegistrationData<'_> {
        // SAFETY: By the caller the device is registered, so the type invariant makes the pointer
        // valid. Lifetimes do not affect layout.
        unsafe { (*self.registration_data.get()).cast().as_ref() }
    }

    /// The raw `struct device`.
    pub(super) fn as_raw(&self) -> *mut bindings::device {
        self.dev.get()
    }

    /// The raw `struct kobject` of the device.
    pub(super) fn kobj(&self) -> *mut bindings::kobject {
        // SAFETY: By the type invariant `dev` is initialised; it lives as long as `self`.
        unsafe { &raw mut (*self.dev.get()).kobj }
    }

    /// The raw `struct cdev`.
    pub(super) fn cdev(&self) -> *mut compat::cdev {
        self.cdev.get()
    }

    /// The class device around a `struct device`.
    ///
    /// # Safety
    ///
    /// `dev` must be that of a `Device<T>`, which must stay alive for `'a`.
    pub(super) unsafe fn from_raw<'a>(dev: *const bindings::device) -> &'a Self {
        // SAFETY: By the caller, `dev` is embedded in a live `Self`.
        unsafe { &*kernel::container_of!(Opaque::cast_from(dev), Self, dev) }
    }

    /// The class device around a `struct cdev`.
    ///
    /// # Safety
    ///
    /// `cdev` must be that of a `Device<T>`, which must stay alive for `'a`.
    pub(super) unsafe fn from_cdev<'a>(cdev: *const bindings::cdev) -> &'a Self {
        // SAFETY: By the caller, `cdev` is embedded in a live `Self`.
        unsafe { &*kernel::container_of!(Opaque::cast_from(cdev.cast()), Self, cdev) }
    }
}

impl<T: Operations> AsRef<device::Device> for Device<T> {
    fn as_ref(&self) -> &device::Device {
        // SAFETY: By the type invariant `dev` is initialised; it lives as long as `self`.
        unsafe { device::Device::from_raw(self.dev.get()) }
    }
}

// SAFETY: The reference count is that of the embedded `struct device`, whose release callback
// frees the whole.
unsafe impl<T: Operations> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        // SAFETY: The caller has a reference, so the count is not 0.
        unsafe { bindings::get_device(self.dev.get()) };
    }

    unsafe fn dec_ref(this: NonNull<Self>) {
        // SAFETY: By the caller, the reference is ours to give up.
        unsafe { bindings::put_device(this.as_ref().dev.get()) };
    }
}

/// Frees the device when its last reference is gone.
///
/// # Safety
///
/// Called by the driver core only, once, with the `struct device` of a `Device<T>`.
unsafe extern "C" fn release_callback<T: Operations>(dev: *mut bindings::device) {
    // SAFETY: By the caller.
    let this = unsafe { Device::<T>::from_raw(dev) };
    let minor = this.minor;

    // SAFETY: The box was leaked by `Device::new`, whose type invariant says that it belongs to
    // the reference count, which has come to 0. It was pinned, and is dropped where it lies.
    drop(unsafe { Pin::new_unchecked(KBox::from_raw(core::ptr::from_ref(this).cast_mut())) });

    // Only now: until here a file could be open under this number.
    T::class().give_minor(minor);
}

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
        write: impl Fn(&mut dyn fmt::Write) -> fmt::Result,
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
struct Written<F>(F);

impl<F: Fn(&mut dyn fmt::Write) -> fmt::Result> fmt::Display for Written<F> {
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
pub(super) unsafe extern "C" fn uevent_callback<T: Operations>(
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
