// SPDX-License-Identifier: GPL-2.0

//! The time that a caller waits at most, and how long to sleep until the next look at the device.

use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};

use crate::{
    class::{
        Deadline,
        Limits, //
    },
    uapi,
    vgpu::Data, //
};

/// Time to sleep for an interrupt before the device is looked at all the same: it may have been
/// lost.
const INTERRUPT_NAP_MS: u32 = 1000;

/// Time to sleep between two looks at a device whose interrupts do not come.
const POLL_NAP_MS: u32 = 1;

/// Returns the limits of a caller who waits for so long. `freezable` says that the caller holds no
/// lock: the task can be frozen meanwhile.
///
/// # Errors
///
/// `EINVAL` if the timeout is longer than `VGPU_TIMEOUT_MAX_MS`.
pub(crate) fn limits(timeout_ms: u32, freezable: bool) -> Result<Limits> {
    if timeout_ms > uapi::VGPU_TIMEOUT_MAX_MS {
        return Err(EINVAL);
    }
    Ok(Limits {
        deadline: Some(Deadline::after(msecs_to_jiffies(timeout_ms))),
        freezable,
    })
}

/// Returns the end of a sleep after which the device is to be looked at.
pub(crate) fn next_look(data: &Data) -> Deadline {
    let nap = match data.interrupts_come() {
        true => INTERRUPT_NAP_MS,
        false => POLL_NAP_MS,
    };
    Deadline::after(msecs_to_jiffies(nap))
}
