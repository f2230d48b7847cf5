// SPDX-License-Identifier: GPL-2.0

//! The command slot: one command at a time, in order of arrival.

use kernel::{
    prelude::*,
    rbtree::RBTree,
    time::{
        msecs_to_jiffies,
        Jiffies, //
    }, //
};

use crate::{
    class::{
        Device,
        Interrupted, //
    },
    driver::Vgpu,
    hw::Hw,
    uapi, //
};

/// What the submitters of a device wait for.
pub(crate) struct Slot {
    /// The tickets of those who want the slot, in order of arrival; the first one has it.
    ///
    /// A tree, and not the few words that a vector would be: its code has no way to panic.
    queue: RBTree<u64, ()>,
    next_ticket: u64,
    /// Number of commands that were handed to the device, wraps.
    submitted: u32,
}

impl Slot {
    /// A slot that nobody wants yet.
    pub(crate) fn new() -> Self {
        Self {
            queue: RBTree::new(),
            next_ticket: 0,
            submitted: 0,
        }
    }
}

/// What became of a command.
pub(crate) struct Completion {
    /// Raw value of the status register.
    pub(crate) status: u32,
    /// The device's result, 0 is success.
    pub(crate) result: u32,
    /// The number of the command.
    pub(crate) sequence: u32,
}

/// A place in the queue for the slot, given up by dropping it.
struct Turn<'a> {
    device: &'a Device<Vgpu>,
    ticket: u64,
}

impl<'a> Turn<'a> {
    /// Joins the queue and waits for the turn.
    fn wait(device: &'a Device<Vgpu>, remaining: &mut Jiffies) -> Result<Self> {
        let turn = device.with_state(|slot| {
            let ticket = slot.next_ticket;
            slot.next_ticket = ticket.wrapping_add(1);
            slot.queue.try_create_and_insert(ticket, (), GFP_KERNEL)?;
            Ok::<_, Error>(Self { device, ticket })
        })?;

        device
            .wait(Some(remaining), |slot| {
                let (first, ()) = slot.queue.iter().next()?;
                (*first == turn.ticket).then_some(())
            })
            .map_err(|interrupted| match interrupted {
                Interrupted::Gone => ENODEV,
                Interrupted::Timeout => EBUSY,
                Interrupted::Signal => EINTR,
            })?;
        Ok(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.device
            .with_state(|slot| slot.queue.remove(&self.ticket));
        self.device.notify();
    }
}

/// Submits a command and waits until it is done.
///
/// `timeout_ms` covers both the wait for the turn and the wait for the completion.
///
/// # Errors
///
/// - `EINVAL` if the timeout is longer than `VGPU_TIMEOUT_MAX_MS`.
/// - `EBUSY` if the turn did not come in time; nothing was submitted.
/// - `ETIMEDOUT` if the device did not complete the command in time.
/// - `EINTR` if a signal came first. It is not restarted: the command may have been submitted.
/// - `ENODEV` if the device is gone, or went in the middle.
pub(crate) fn submit(device: &Device<Vgpu>, command: u32, timeout_ms: u32) -> Result<Completion> {
    if timeout_ms > uapi::VGPU_TIMEOUT_MAX_MS {
        return Err(EINVAL);
    }
    let mut remaining = msecs_to_jiffies(timeout_ms);

    let _turn = Turn::wait(device, &mut remaining)?;
    device.enter()?.with(|hw: &Hw<'_>| hw.submit(command));
    let sequence = device.with_state(|slot| {
        slot.submitted = slot.submitted.wrapping_add(1);
        slot.submitted
    });

    loop {
        let status = device.enter()?.with(|hw: &Hw<'_>| hw.status())?;
        if status.done() {
            return Ok(Completion {
                status: status.into_raw(),
                result: 0,
                sequence,
            });
        }
        if remaining == 0 {
            return Err(ETIMEDOUT);
        }
        // A device without interrupts has to be asked again. In between, nothing is held that an
        // unplug would wait for.
        let mut nap: Jiffies = 1;
        remaining = remaining.saturating_sub(nap);
        match device.wait(Some(&mut nap), |_| None::<()>) {
            Err(Interrupted::Gone) => return Err(ENODEV),
            Err(Interrupted::Signal) => return Err(EINTR),
            Ok(()) | Err(Interrupted::Timeout) => (),
        }
    }
}
