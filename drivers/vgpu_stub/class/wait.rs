// SPDX-License-Identifier: GPL-2.0

//! Sleeping for a device until a deadline, and being woken up for a reason.
//!
//! All tasks that sleep for a device are in one list under its lock, in order of arrival. Each says
//! what it waits for, so that a wake-up reaches those whom it is about, and no others. The kernel
//! crate's `CondVar` has neither reasons nor a sleep with a timeout that may be frozen.

use core::{
    cell::Cell,
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    bindings,
    current,
    prelude::*,
    static_lock_class,
    task::{
        MAX_SCHEDULE_TIMEOUT,
        TASK_FREEZABLE,
        TASK_INTERRUPTIBLE,
        TASK_NORMAL, //
    },
    time::Jiffies,
    types::Opaque, //
};

/// The reason why [`Device::wait`](super::Device::wait) failed.
pub(crate) enum WaitError {
    /// The device was unregistered.
    Gone,
    /// The deadline has passed.
    Timeout,
    /// A signal is pending.
    Signal,
}

impl From<WaitError> for Error {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Gone => ENODEV,
            WaitError::Timeout => ETIMEDOUT,
            WaitError::Signal => EINTR,
        }
    }
}

/// An absolute time, in jiffies, which wrap.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Jiffies);

impl Deadline {
    /// Returns the time at which `duration` has passed in full.
    pub(crate) fn after(duration: Jiffies) -> Self {
        // The tick that goes on now is not a whole one.
        Self(now().wrapping_add(duration).wrapping_add(1))
    }

    /// Returns the time that is left; 0 once it has passed.
    pub(crate) fn remaining(self) -> Jiffies {
        let left = self.0.wrapping_sub(now());
        if left > Jiffies::MAX / 2 {
            0
        } else {
            left
        }
    }

    /// Checks whether it has passed.
    pub(crate) fn has_passed(self) -> bool {
        self.remaining() == 0
    }

    /// Returns the earlier one of two.
    pub(crate) fn min(self, other: Self) -> Self {
        if self.remaining() <= other.remaining() {
            self
        } else {
            other
        }
    }
}

fn now() -> Jiffies {
    // SAFETY: It is always there to be read. It changes at any time, as C reads it, too.
    unsafe { ptr::read_volatile(&raw const bindings::jiffies) }
}

/// The limits of a task's sleep.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// When the sleep ends at the latest; `None` for never.
    pub(crate) deadline: Option<Deadline>,
    /// The task may be frozen in its sleep: it holds no lock. The freezer ends the sleep of any
    /// other one as a signal does.
    pub(crate) freezable: bool,
}

impl Limits {
    /// Limits the sleep further, to a deadline of its own.
    pub(crate) fn until(self, deadline: Deadline) -> Self {
        let deadline = match self.deadline {
            Some(own) => own.min(deadline),
            None => deadline,
        };
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Checks whether the deadline has passed.
    pub(crate) fn have_passed(self) -> bool {
        self.deadline.is_some_and(Deadline::has_passed)
    }

    /// Returns the time until the deadline in the form of `schedule_timeout`; 0 once it has passed.
    fn timeout(self) -> c_long {
        self.deadline.map_or(MAX_SCHEDULE_TIMEOUT, |deadline| {
            c_long::try_from(deadline.remaining()).unwrap_or(MAX_SCHEDULE_TIMEOUT)
        })
    }

    /// Checks whether a task that found nothing may go to sleep now.
    ///
    /// # Errors
    ///
    /// [`WaitError::Signal`] or [`WaitError::Timeout`] if not.
    pub(crate) fn check(self) -> Result<(), WaitError> {
        if current!().signal_pending() {
            Err(WaitError::Signal)
        } else if self.have_passed() {
            Err(WaitError::Timeout)
        } else {
            Ok(())
        }
    }
}

/// A task that sleeps for a device, on its own stack.
///
/// # Invariants
///
/// - `queue` is initialised once [`Waiter::init`] was called.
/// - While it is in a list, `previous` and `next` are null or its neighbours there, and it does not
///   move. They and `granted` are only accessed with the lock of the list held.
pub(super) struct Waiter<R> {
    previous: Cell<*const Self>,
    next: Cell<*const Self>,
    reason: R,
    granted: Cell<bool>,
    /// The task sleeps here, and nobody else does.
    queue: Opaque<bindings::wait_queue_head>,
    entry: Opaque<bindings::wait_queue_entry>,
}

impl<R> Waiter<R> {
    /// Creates one that is in no list, and cannot be used before [`Self::init`].
    pub(super) fn new(reason: R) -> Self {
        Self {
            previous: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            reason,
            granted: Cell::new(false),
            queue: Opaque::uninit(),
            entry: Opaque::uninit(),
        }
    }

    /// Initialises the queue.
    ///
    /// # Safety
    ///
    /// `this` must point to a waiter that nobody else has, and that does not move any more.
    pub(super) unsafe fn init(this: NonNull<Self>) {
        // SAFETY: By the caller.
        let this = unsafe { this.as_ref() };
        let name = c"class::Waiter";
        // SAFETY: It is memory for a queue, and name and class are static.
        unsafe {
            bindings::__init_waitqueue_head(
                this.queue.get(),
                name.as_char_ptr(),
                static_lock_class!().as_ptr(),
            )
        };
    }

    /// Makes the calling task one that sleeps; the sleep itself is [`Self::sleep`].
    ///
    /// Called with the lock of the list held: whoever wakes the task up after it was released does
    /// so in time.
    ///
    /// # Safety
    ///
    /// `this` must point to an initialised waiter of the calling task.
    pub(super) unsafe fn prepare(this: NonNull<Self>, limits: Limits) {
        // SAFETY: By the caller.
        let this = unsafe { this.as_ref() };
        let state = match limits.freezable {
            true => TASK_INTERRUPTIBLE | TASK_FREEZABLE,
            false => TASK_INTERRUPTIBLE,
        };
        // SAFETY: `entry` is memory for an entry, `queue` is initialised, and the task leaves the
        // queue in `sleep`.
        unsafe {
            bindings::init_wait(this.entry.get());
            // CAST: A small constant.
            bindings::prepare_to_wait(this.queue.get(), this.entry.get(), state as c_int);
        }
    }

    /// Sleeps, for a reason that came since [`Self::prepare`] not at all.
    ///
    /// # Safety
    ///
    /// `this` must point to a waiter of the calling task, which has called [`Self::prepare`].
    pub(super) unsafe fn sleep(this: NonNull<Self>, limits: Limits) {
        // SAFETY: By the caller.
        let this = unsafe { this.as_ref() };
        // SAFETY: The calling task may sleep, and is prepared for it.
        unsafe {
            bindings::schedule_timeout(limits.timeout());
            bindings::finish_wait(this.queue.get(), this.entry.get());
        }
    }

    /// Checks whether [`Waiters::grant_first`] has chosen it.
    ///
    /// # Safety
    ///
    /// `this` must point to a waiter in a list whose lock is held.
    pub(super) unsafe fn is_granted(this: NonNull<Self>) -> bool {
        // SAFETY: By the caller.
        unsafe { this.as_ref() }.granted.get()
    }
}

/// Wakes up all tasks that sleep in a queue.
///
/// `queue` must be initialised, which those of this layer are before they can be reached.
pub(super) fn wake_all(queue: &Opaque<bindings::wait_queue_head>) {
    // SAFETY: The queue is initialised, and lives as long as the reference.
    unsafe { bindings::__wake_up(queue.get(), TASK_NORMAL, 0, ptr::null_mut()) };
}

/// Checks whether nobody is in a queue; as [`wake_all`].
pub(super) fn is_empty(queue: &Opaque<bindings::wait_queue_head>) -> bool {
    // SAFETY: The queue is initialised, and lives as long as the reference. It is read as C reads
    // it, without its lock.
    unsafe {
        let head = &raw const (*queue.get()).head;
        ptr::read_volatile(&raw const (*head).next).cast_const() == head
    }
}

/// The tasks that sleep for a device, in order of arrival.
///
/// # Invariants
///
/// `first` and `last` are the ends of a list of waiters, or null. All of them are valid for as long
/// as they are in it, and are only accessed with the lock held that this is under.
pub(super) struct Waiters<R> {
    first: *const Waiter<R>,
    last: *const Waiter<R>,
}

// SAFETY: The waiters may be accessed from any thread that has the lock.
unsafe impl<R: Send> Send for Waiters<R> {}

impl<R: Copy> Waiters<R> {
    /// Creates an empty list.
    pub(super) const fn new() -> Self {
        // INVARIANT: It is empty.
        Self {
            first: ptr::null(),
            last: ptr::null(),
        }
    }

    /// Adds a waiter at the end.
    ///
    /// # Safety
    ///
    /// `waiter` must be valid and in no list, and be removed from this one before it becomes
    /// invalid.
    pub(super) unsafe fn push(&mut self, waiter: NonNull<Waiter<R>>) {
        // SAFETY: By the caller.
        let new = unsafe { waiter.as_ref() };
        // INVARIANT: The new one is valid, by the caller, and linked on both sides.
        new.previous.set(self.last);
        new.next.set(ptr::null());
        // SAFETY: By the type invariant.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(new),
            None => self.first = new,
        }
        self.last = new;
    }

    /// Removes a waiter.
    ///
    /// # Safety
    ///
    /// `waiter` must be in this list.
    pub(super) unsafe fn remove(&mut self, waiter: NonNull<Waiter<R>>) {
        // SAFETY: By the caller it is valid, and by the type invariant its neighbours are.
        let (previous, next) = unsafe {
            let old = waiter.as_ref();
            (old.previous.get(), old.next.get())
        };
        // INVARIANT: Its neighbours are linked to each other.
        // SAFETY: As above.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first = next,
        }
        // SAFETY: As above.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => self.last = previous,
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Waiter<R>> {
        let mut at = self.first;
        core::iter::from_fn(move || {
            // SAFETY: By the type invariant.
            let waiter = unsafe { at.as_ref() }?;
            at = waiter.next.get();
            Some(waiter)
        })
    }

    /// Wakes up those that wait for what is wanted, to look at the state again.
    pub(super) fn wake(&self, is_wanted: impl Fn(R) -> bool) {
        self.iter()
            .filter(|waiter| is_wanted(waiter.reason))
            .for_each(|waiter| wake_all(&waiter.queue));
    }

    /// Grants what is wanted to the first of those that wait for it and were not granted it yet,
    /// and wakes it up. Returns whether there was one.
    pub(super) fn grant_first(&self, is_wanted: impl Fn(R) -> bool) -> bool {
        let mut waiters = self.iter();
        let first = waiters.find(|waiter| is_wanted(waiter.reason) && !waiter.granted.get());
        if let Some(waiter) = first {
            waiter.granted.set(true);
            wake_all(&waiter.queue);
        }
        first.is_some()
    }
}
