// SPDX-License-Identifier: GPL-2.0

//! The reference-counted class device.

use core::{
    cell::UnsafeCell,
    ops::{
        Deref,
        DerefMut, //
    },
    pin::pin,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device,
    error::to_result,
    prelude::*,
    static_lock_class,
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
        lock, //
    },
    types::Opaque, //
};

use crate::compat::{
    self,
    new_spinlock_irq,
    new_srcu,
    SpinLockIrq,
    SpinLockIrqBackend,
    Srcu,
    SrcuGuard, //
};

use super::{
    wait::{
        self,
        Limits,
        WaitError,
        Waiter,
        Waiters, //
    },
    Class,
    Operations, //
};

/// A class device: `/sys/class/NAME/NAMEn` and `/dev/NAMEn`.
///
/// It stays alive for as long as somebody has a reference to it, which an open file does. Whether
/// it is registered is a question that only [`Device::enter`] can answer.
///
/// # Invariants
///
/// - `dev` and `cdev` are initialised, `dev` is embedded in a `KBox<Self>` whose ownership lies
///   with the reference count of `dev`, and so does `minor`, a minor of `class`.
/// - `class` was registered when the device was made, and is not unregistered as long as it exists.
/// - `registration_data` points to the data of the [`Registration`](super::Registration) from
///   before anybody but that can reach the device, until `gone` is set and all users of the gate
///   have left, all attributes are gone and the handlers of all interrupts have returned.
/// - `gone` is set under the lock, once, and never cleared.
/// - `poll_queue` is initialised.
#[pin_data]
pub(crate) struct Device<T: Operations> {
    #[pin]
    dev: Opaque<bindings::device>,
    #[pin]
    cdev: Opaque<compat::cdev>,
    class: &'static Class<T>,
    minor: u32,
    /// Holds up the end of a registration until those who entered have left.
    #[pin]
    gate: Srcu,
    /// The device was added: there is something to announce a change of.
    added: AtomicFlag,
    gone: AtomicFlag,
    registration_data: UnsafeCell<NonNull<T::RegistrationData<'static>>>,
    #[pin]
    locked: SpinLockIrq<Locked<T>>,
    /// Those who poll(2) wait here, and nobody else does.
    #[pin]
    poll_queue: Opaque<bindings::wait_queue_head>,
    data: T::Data,
}

/// The part of a device that is under its lock.
struct Locked<T: Operations> {
    state: T::State,
    waiters: Waiters<T::Reason>,
}

// SAFETY: The C parts are reference counted and may be used and released from any thread.
// `registration_data` is handed out by `registration_data_unchecked` only, and only as a shared
// reference to data that is `Sync`. The rest is `Send`.
unsafe impl<T: Operations> Send for Device<T> {}

// SAFETY: The C parts do their own locking. `registration_data` is written while nobody else can
// reach the device. The rest is `Sync`.
unsafe impl<T: Operations> Sync for Device<T> {}

impl<T: Operations> Device<T> {
    /// Makes a device with the lowest free number of a class, which user space cannot see yet.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the class is not registered, `ENOSPC` if it has no number left, `ENOMEM`.
    pub(super) fn new(
        class: &'static Class<T>,
        parent: &device::Device<device::Bound>,
        file_operations: &'static bindings::file_operations,
        data: T::Data,
        state: T::State,
    ) -> Result<ARef<Self>> {
        // From here on the class stays registered until the minor is given back.
        let minor = class.take_minor()?;

        let this = KBox::pin_init(
            try_pin_init!(Self {
                dev: Opaque::zeroed(),
                cdev: Opaque::zeroed(),
                class,
                minor,
                gate <- new_srcu!(),
                added: AtomicFlag::new(false),
                gone: AtomicFlag::new(false),
                registration_data: UnsafeCell::new(NonNull::dangling()),
                locked <- new_spinlock_irq!(
                    Locked { state, waiters: Waiters::new() },
                    "class::Device::locked"
                ),
                poll_queue <- Opaque::ffi_init(|queue| {
                    let name = c"class::Device::poll_queue";
                    // SAFETY: `queue` is memory for one, and name and class are static.
                    unsafe {
                        bindings::__init_waitqueue_head(
                            queue,
                            name.as_char_ptr(),
                            static_lock_class!().as_ptr(),
                        )
                    }
                }),
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
            compat::cdev_init(cdev, file_operations);
            (*cdev).owner = compat::this_module!(T);
        }

        // INVARIANT: `dev`, `cdev` and `poll_queue` are initialised, the class is registered, and
        // the reference is the one from above.
        // SAFETY: As said; it is handed over here and nowhere else.
        let this = unsafe { ARef::from_raw(this) };

        // SAFETY: `dev` is initialised, and the format takes a string and an unsigned int.
        to_result(unsafe {
            bindings::dev_set_name(dev, c"%s%u".as_char_ptr(), T::NAME.as_char_ptr(), minor)
        })?;
        Ok(this)
    }

    /// Returns the data that lives as long as the device.
    pub(crate) fn data(&self) -> &T::Data {
        &self.data
    }

    /// Returns the number in the device's name.
    pub(super) fn minor(&self) -> u32 {
        self.minor
    }

    /// Checks whether the device was unregistered.
    ///
    /// `true` is final, `false` may be old news: where it matters, use [`Self::enter`].
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Acquire)
    }

    /// Checks whether the device was added, so that a change of it can be announced.
    ///
    /// `false` may be old news: what was not announced for that reason is what
    /// [`Operations::start`] is called for.
    pub(crate) fn is_added(&self) -> bool {
        self.added.load(Acquire)
    }

    /// Locks the state. It is a spin lock, and the interrupts of this processor are off: do not
    /// sleep while holding it. May be called in any context.
    pub(crate) fn lock(&self) -> StateGuard<'_, T> {
        StateGuard(self.locked.lock())
    }

    /// Holds up the end of the registration, if it has not come, for as long as what this returns
    /// lives: what [`Self::enter`] is made of.
    pub(super) fn enter_gate(&self) -> SrcuGuard<'_> {
        self.gate.read_lock()
    }

    /// Sleeps until `done` finds in the state what it looks for, and returns that.
    ///
    /// `done` is called with the lock held: before the task sleeps, and whenever it was woken up,
    /// be it for `reason` or for nothing. Its second argument tells whether
    /// [`StateGuard::grant_first`] has chosen this task. No guard may be held, or an unplug would
    /// wait for the task.
    ///
    /// # Errors
    ///
    /// [`WaitError`]. What `done` found counts for more than a signal or the deadline.
    pub(crate) fn wait<R>(
        &self,
        reason: T::Reason,
        limits: Limits,
        done: impl FnMut(&mut T::State, bool) -> Option<R>,
    ) -> Result<R, WaitError> {
        let mut search = Search { done, found: None };
        self.wait_until(reason, limits, &mut search)?;
        search.found.ok_or(WaitError::Gone)
    }

    /// As [`Self::wait`], until `condition` is met: one piece of code, whatever it looks for.
    fn wait_until(
        &self,
        reason: T::Reason,
        limits: Limits,
        condition: &mut dyn Condition<T::State>,
    ) -> Result<(), WaitError> {
        let mut locked = self.locked.lock();
        // Under the lock that sets it, or a wake-up could fall between look and sleep.
        if self.is_gone() {
            return Err(WaitError::Gone);
        }
        if condition.is_met(&mut locked.state, false) {
            return Ok(());
        }
        limits.check()?;

        let waiter = pin!(Waiter::new(reason));
        let waiter = NonNull::from(&*waiter);
        // SAFETY: It is pinned, nobody else has it, and it is removed below.
        unsafe {
            Waiter::init(waiter);
            locked.waiters.push(waiter);
        }
        let result = loop {
            // SAFETY: It is this task's, and initialised.
            unsafe { Waiter::prepare(waiter, limits) };
            drop(locked);
            // SAFETY: It was prepared.
            unsafe { Waiter::sleep(waiter, limits) };
            locked = self.locked.lock();

            if self.is_gone() {
                break Err(WaitError::Gone);
            }
            // SAFETY: It is in the list, and the lock is held.
            let granted = unsafe { Waiter::is_granted(waiter) };
            if condition.is_met(&mut locked.state, granted) {
                break Ok(());
            }
            if let Err(error) = limits.check() {
                break Err(error);
            }
        };
        // SAFETY: It was added above.
        unsafe { locked.waiters.remove(waiter) };
        result
    }

    /// Wakes up those who poll(2) the node, after what they poll for was made visible.
    pub(crate) fn wake_poll(&self) {
        // Whoever does not see it from here on is in the queue by now: poll_wait has the other one
        // of this barrier.
        // SAFETY: It may be called anywhere.
        unsafe { bindings::smp_mb() };
        if !wait::is_empty(&self.poll_queue) {
            wait::wake_all(&self.poll_queue);
        }
    }

    /// Returns the queue that poll(2) waits on.
    pub(super) fn poll_queue(&self) -> *mut bindings::wait_queue_head {
        self.poll_queue.get()
    }

    /// Notes that the device was added.
    pub(super) fn mark_added(&self) {
        self.added.store(true, Release);
    }

    /// Closes the gate and wakes up everybody who sleeps for this device.
    pub(super) fn mark_gone(&self) {
        // Under the lock: whoever looked before is asleep by now and gets the wake-up.
        let locked = self.locked.lock();
        // INVARIANT: It is set, under the lock.
        self.gone.store(true, Release);
        locked.waiters.wake(|_| true);
        drop(locked);
        self.wake_poll();
    }

    /// Waits until all guards that were handed out are gone.
    pub(super) fn drain(&self) {
        self.gate.synchronize();
    }

    /// Sets what [`Self::registration_data_unchecked`] returns.
    ///
    /// # Safety
    ///
    /// Nobody but the caller may be able to reach the device, and `data` must stay valid until,
    /// after [`Self::mark_gone`], [`Self::drain`] has returned, the device was removed and the
    /// handlers of its interrupts have returned.
    pub(super) unsafe fn set_registration_data(&self, data: NonNull<T::RegistrationData<'static>>) {
        // INVARIANT: By the caller.
        // SAFETY: Nobody else can reach the device, so there are no readers.
        unsafe { *self.registration_data.get() = data };
    }

    /// Returns the registration data.
    ///
    /// # Safety
    ///
    /// The registration must not end while the reference lives, and the reference must only be
    /// given to code that works for any two lifetimes: it can then neither keep what it borrows,
    /// nor put it into the data.
    pub(super) unsafe fn registration_data_unchecked<'b, 'data>(
        &'b self,
    ) -> &'b T::RegistrationData<'data> {
        // SAFETY: By the caller the registration does not end, so the type invariant makes the
        // pointer valid. Lifetimes do not affect layout.
        unsafe { (*self.registration_data.get()).cast().as_ref() }
    }

    /// Returns the raw `struct device`.
    pub(super) fn as_raw(&self) -> *mut bindings::device {
        self.dev.get()
    }

    /// Returns the raw `struct kobject` of the device.
    pub(super) fn kobj(&self) -> *mut bindings::kobject {
        // SAFETY: By the type invariant `dev` is initialised; it lives as long as `self`.
        unsafe { &raw mut (*self.dev.get()).kobj }
    }

    /// Returns the raw `struct cdev`.
    pub(super) fn cdev(&self) -> *mut compat::cdev {
        self.cdev.get()
    }

    /// Returns the class device around a `struct device`.
    ///
    /// # Safety
    ///
    /// `dev` must be that of a `Device<T>`, which must stay alive for `'a`.
    pub(super) unsafe fn from_raw<'a>(dev: *const bindings::device) -> &'a Self {
        // SAFETY: By the caller, `dev` is embedded in a live `Self`.
        unsafe { &*kernel::container_of!(Opaque::cast_from(dev), Self, dev) }
    }

    /// Returns the class device around a `struct cdev`.
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

/// Condition that a task waits for. Not a closure: a table of one has its code twice.
trait Condition<S> {
    /// Checks whether it is met, by the state and by whether the task was chosen.
    fn is_met(&mut self, state: &mut S, is_granted: bool) -> bool;
}

/// A search of the state, and what it has found.
struct Search<F, R> {
    done: F,
    found: Option<R>,
}

impl<S, R, F: FnMut(&mut S, bool) -> Option<R>> Condition<S> for Search<F, R> {
    fn is_met(&mut self, state: &mut S, is_granted: bool) -> bool {
        self.found = (self.done)(state, is_granted);
        self.found.is_some()
    }
}

/// The state of a device while it is locked.
pub(crate) struct StateGuard<'a, T: Operations>(lock::Guard<'a, Locked<T>, SpinLockIrqBackend>);

impl<T: Operations> StateGuard<'_, T> {
    /// Wakes up those who sleep in [`Device::wait`] for `reason`, to look at the state again.
    pub(crate) fn wake(&self, reason: T::Reason) {
        self.0.waiters.wake(|its| its == reason);
    }

    /// Wakes up the first of those who sleep for `reason`, in order of arrival, and tells it that
    /// it was chosen. Returns whether there was one.
    pub(crate) fn grant_first(&self, reason: T::Reason) -> bool {
        self.0.waiters.grant_first(|its| its == reason)
    }
}

impl<T: Operations> Deref for StateGuard<'_, T> {
    type Target = T::State;

    fn deref(&self) -> &T::State {
        &self.0.state
    }
}

impl<T: Operations> DerefMut for StateGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T::State {
        &mut self.0.state
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
    let (class, minor) = (this.class, this.minor);

    // The queue of poll(2) goes with it. Nobody is in there: who polls has an open file, which has
    // a reference, and an epoll leaves the queue before the file is released.
    // SAFETY: The box was leaked by `Device::new`, whose type invariant says that it belongs to
    // the reference count, which has come to 0. It was pinned, and is dropped where it lies.
    drop(unsafe { Pin::new_unchecked(KBox::from_raw(core::ptr::from_ref(this).cast_mut())) });

    // Only now: until here a file could be open under this number.
    class.give_minor(minor);
}
