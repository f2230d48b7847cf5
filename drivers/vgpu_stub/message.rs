// SPDX-License-Identifier: GPL-2.0

//! Messages to the host: a slot for each, until there is an answer or the deadline has passed.

use kernel::prelude::*;

use crate::{
    class::{
        compat,
        Bytes,
        Device,
        Limits,
        StateGuard,
        WaitError, //
    },
    hw::Hw,
    live_config,
    state::State,
    timeout,
    vgpu::{
        Reason,
        Vgpu, //
    },
    window::Answer, //
};

/// The slots of a device: bitmaps, under the device's lock.
pub(crate) struct Slots {
    /// Nobody uses them.
    free: u32,
    /// A task that waits for a free one was granted one of them.
    granted: u32,
    /// The device has given them back, and their users have not looked yet.
    done: u32,
    /// The device has forgotten them in a reset, and their users have not looked yet.
    lost: u32,
    /// The device has them, as far as the driver knows.
    rung: u32,
}

impl Slots {
    /// Creates slots that are all free.
    pub(crate) fn new(all: u32) -> Self {
        Self {
            free: all,
            granted: 0,
            done: 0,
            lost: 0,
            rung: 0,
        }
    }

    /// Takes the lowest of some slots.
    fn take(slots: &mut u32) -> Option<u32> {
        let slot = slots.trailing_zeros();
        *slots &= slots.wrapping_sub(1);
        (slot < u32::BITS).then_some(slot)
    }

    /// Notes that the device has given slots back. One that it did not have is none.
    fn give_back(&mut self, slots: u32) -> u32 {
        let new = slots & self.rung;
        self.rung &= !new;
        self.done |= new;
        new
    }

    /// Notes that the device has forgotten all slots that it had, and returns them.
    fn lose(&mut self) -> u32 {
        let lost = core::mem::take(&mut self.rung);
        self.lost |= lost;
        lost
    }
}

/// Sends a message and waits for the answer. May sleep.
///
/// The answer is copied as far as there is space for it.
///
/// # Errors
///
/// - `EOPNOTSUPP` if the device has no messages.
/// - `EINVAL` if the timeout is longer than `VGPU_TIMEOUT_MAX_MS`.
/// - `EMSGSIZE` if the message is too long.
/// - `EBUSY` if no slot became free in time; nothing was sent.
/// - `ENOTCONN` if nobody answers messages.
/// - `ETIMEDOUT` if there was no answer in time.
/// - `ECANCELED` if there will be no answer.
/// - `EINTR` if a signal came first.
/// - `EIO` if the device does not do what it should.
/// - `ENODEV` if the device is gone, or went in the middle.
pub(crate) fn call(
    device: &Device<Vgpu>,
    message: &[u8],
    answer: &mut Bytes,
    timeout_ms: u32,
) -> Result<Answer> {
    let limits = timeout::limits(timeout_ms, true)?;
    let mut slot = Slot::take(device, limits)?;
    slot.send(message)?;
    slot.wait(limits)?;
    slot.answer(answer)
}

/// Checks whether messages can be sent at all.
///
/// # Errors
///
/// `EOPNOTSUPP` if not.
pub(crate) fn check(device: &Device<Vgpu>) -> Result {
    match device.data().has_messages() {
        true => Ok(()),
        false => Err(compat::eopnotsupp()),
    }
}

/// Notes which slots have come back, and wakes up their users. Called in any context.
pub(crate) fn done(device: &Device<Vgpu>, hw: &Hw<'_>) {
    let mut state = device.lock();
    // Under the lock: when a slot is rung again, nobody has an old bit of it in hand.
    let slots = hw.messages_done();
    let slots = state.messages.give_back(slots);
    wake(&state, slots);
}

/// Wakes up the users of slots.
fn wake(state: &StateGuard<'_, Vgpu>, mut slots: u32) {
    while let Some(slot) = Slots::take(&mut slots) {
        state.wake(Reason::Message(slot));
    }
}

/// Enables messages if they are not: the device was added, or may have been reset, and what it had
/// before is lost. Called in any context.
pub(crate) fn start(device: &Device<Vgpu>, hw: &Hw<'_>) {
    if !device.data().has_messages() || hw.are_messages_enabled() {
        return;
    }
    hw.enable_messages();
    lose(device);
}

/// Tells the users of all slots that the device had of their loss.
fn lose(device: &Device<Vgpu>) {
    let mut state = device.lock();
    let slots = state.messages.lose();
    wake(&state, slots);
}

/// A slot while a task has it; dropping it gives it to the next one.
struct Slot<'a> {
    device: &'a Device<Vgpu>,
    number: u32,
}

impl<'a> Slot<'a> {
    fn bit(&self) -> u32 {
        1u32.wrapping_shl(self.number)
    }

    /// Waits for a free slot, behind those who came earlier.
    fn take(device: &'a Device<Vgpu>, limits: Limits) -> Result<Self> {
        let free = Slots::take(&mut device.lock().messages.free);
        let number = match free {
            Some(number) => number,
            None => Self::wait_for_free(device, limits)?,
        };
        Ok(Self { device, number })
    }

    #[cold]
    fn wait_for_free(device: &Device<Vgpu>, limits: Limits) -> Result<u32> {
        device
            .wait(Reason::FreeSlot, limits, |state, is_granted| {
                let slots = match is_granted {
                    true => &mut state.messages.granted,
                    false => &mut state.messages.free,
                };
                Slots::take(slots)
            })
            .map_err(|error| match error {
                WaitError::Timeout => EBUSY,
                error => error.into(),
            })
    }

    /// Puts a message into the slot and rings its doorbell.
    fn send(&mut self, message: &[u8]) -> Result {
        let bit = self.bit();
        self.device.enter()?.with(|hw: &Hw<'_>| {
            hw.put_message(self.number, message)?;
            let mut state = self.device.lock();
            // Before it is rung: it may come back at once. Under the lock, as `done`.
            state.messages.rung |= bit;
            hw.ring(self.number);
            Ok(())
        })
    }

    /// Waits until the slot has come back.
    fn wait(&mut self, limits: Limits) -> Result {
        let device = self.device;
        let bit = self.bit();
        loop {
            let nap = limits.until(timeout::next_look(device.data()));
            let come_back = |state: &mut State, _| {
                let slots = &mut state.messages;
                if slots.done & bit != 0 {
                    Some(true)
                } else if slots.lost & bit != 0 {
                    Some(false)
                } else {
                    None
                }
            };
            match device.wait(Reason::Message(self.number), nap, come_back) {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(compat::ecanceled()),
                Err(WaitError::Timeout) => self.look()?,
                Err(error) => return Err(error.into()),
            }
            if limits.have_passed() && device.lock().messages.rung & bit != 0 {
                return Err(ETIMEDOUT);
            }
        }
    }

    /// Asks the device for what has come back, after no interrupt has said so for long.
    #[cold]
    fn look(&self) -> Result {
        let device = self.device;
        let bit = self.bit();
        device.enter()?.with(|hw: &Hw<'_>| {
            let was_out = device.lock().messages.rung & bit != 0;
            done(device, hw);
            let state = device.lock();
            let is_out = state.messages.rung & bit != 0;
            if state.is_resetting {
                return;
            }
            drop(state);
            if was_out && !is_out && device.data().interrupts_come() {
                // It had come back, and nobody has said so.
                device.data().set_interrupts_come(false);
            } else if is_out && hw.messages_active() & bit == 0 {
                // Neither back nor there: the device was reset, and nobody has said so.
                live_config::adopt(device, hw);
                lose(device);
            }
        });
        Ok(())
    }

    /// Takes the answer out of the slot.
    fn answer(&mut self, answer: &mut Bytes) -> Result<Answer> {
        self.device
            .enter()?
            .with(|hw: &Hw<'_>| hw.take_answer(self.number, answer))
    }

    /// Takes the slot back from the device, if it may have it.
    #[cold]
    fn cancel(&self) {
        let bit = self.bit();
        if let Ok(guard) = self.device.enter() {
            guard.with(|hw: &Hw<'_>| {
                let mut state = self.device.lock();
                hw.cancel_messages(bit);
                state.messages.rung &= !bit;
            });
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let bit = self.bit();
        if self.device.lock().messages.rung & bit != 0 {
            self.cancel();
        }
        let mut state = self.device.lock();
        state.messages.done &= !bit;
        state.messages.lost &= !bit;
        match state.grant_first(Reason::FreeSlot) {
            true => state.messages.granted |= bit,
            false => state.messages.free |= bit,
        }
    }
}
