// SPDX-License-Identifier: GPL-2.0

//! Differences between the supported kernels: names that one of them has otherwise, or not at all.
//!
//! It is here and nowhere else, under the names of the newest, a file for each.

// The build defines `linux_7_2` for that kernel. Its file goes when it is no longer supported.
#[cfg(linux_7_2)]
mod linux_7_2;
#[cfg(not(linux_7_2))]
mod linux_7_3;

#[cfg(linux_7_2)]
pub(crate) use self::linux_7_2::*;
#[cfg(not(linux_7_2))]
pub(crate) use self::linux_7_3::*;

/// Waits until each task has slept, or was in user space, since it was called. May sleep.
pub(crate) fn synchronize_rcu_tasks() {
    #[cfg(CONFIG_TASKS_RCU)]
    // SAFETY: The caller may sleep.
    unsafe {
        kernel::bindings::synchronize_rcu_tasks()
    };
    // A kernel that is not preempted has none of its own: there, C takes this one, too.
    #[cfg(not(CONFIG_TASKS_RCU))]
    // SAFETY: As above.
    unsafe {
        kernel::bindings::synchronize_rcu()
    };
}
