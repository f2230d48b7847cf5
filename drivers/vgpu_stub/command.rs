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
    regs::STATUS,
    uapi, //
};

/// Whose turn it is, of those who want to submit a command.
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
        let turn = device.with_state(|state| {
            let slot = &mut state.slot;
            let ticket = slot.next_ticket;
            slot.next_ticket = ticket.wrapping_add(1);
            slot.queue.try_create_and_insert(ticket, (), GFP_KERNEL)?;
            Ok::<_, Error>(Self { device, ticket })
        })?;

        device
            .wait(Some(remaining), |state| {
                let (first, ()) = state.slot.queue.iter().next()?;
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
            .with_state(|state| state.slot.queue.remove(&self.ticket));
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
    // A command whose submitter has given up may still be on its way.
    await_status(device, &mut remaining, |status| !status.busy()).map_err(|error| {
        match error == ETIMEDOUT {
            true => EBUSY,
            false => error,
        }
    })?;
    device.enter()?.with(|hw: &Hw<'_>| hw.submit(command));
    let sequence = device.with_state(|state| {
        state.slot.submitted = state.slot.submitted.wrapping_add(1);
        state.slot.submitted
    });

    let status = await_status(device, &mut remaining, |status| {
        status.done() && !status.busy()
    })?;
    let (result, completed) = device.enter()?.with(|hw: &Hw<'_>| match hw.features() {
        0 => (0, 0),
        _ => (hw.result(), hw.completed()),
    });
    // Those who read events hear of it, with interrupts or without.
    device.with_state(|state| state.count(completed));
    device.notify();
    Ok(Completion {
        status: status.into_raw(),
        result,
        sequence,
    })
}

/// Waits until the status is as it is wanted.
///
/// # Errors
///
/// `ETIMEDOUT`, `EINTR`, `ENODEV`.
fn await_status(
    device: &Device<Vgpu>,
    remaining: &mut Jiffies,
    is_wanted: impl Fn(STATUS) -> bool,
) -> Result<STATUS> {
    loop {
        // Before the look: what interrupts after it ends the sleep.
        let seen = device.with_state(|state| state.interrupts);
        let (status, interrupts) = device
            .enter()?
            .with(|hw: &Hw<'_>| Ok::<_, Error>((hw.status()?, hw.vectors() != 0)))?;
        if is_wanted(status) {
            return Ok(status);
        }
        if *remaining == 0 {
            return Err(ETIMEDOUT);
        }
        // In between, nothing is held that an unplug would wait for. A device without interrupts
        // has to be asked again.
        let mut nap: Jiffies = match interrupts {
            true => *remaining,
            false => 1,
        };
        *remaining = remaining.saturating_sub(nap);
        let woken = device.wait(Some(&mut nap), |state| {
            (state.interrupts != seen).then_some(())
        });
        // What was not slept is left.
        *remaining = remaining.saturating_add(nap);
        match woken {
            Err(Interrupted::Gone) => return Err(ENODEV),
            Err(Interrupted::Signal) => return Err(EINTR),
            Ok(()) | Err(Interrupted::Timeout) => (),
        }
    }
}
