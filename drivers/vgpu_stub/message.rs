// SPDX-License-Identifier: GPL-2.0

//! Messages to the host: a slot for each, until there is an answer or the deadline has passed.

use kernel::prelude::*;

use crate::{
    class::{
        Bytes,
        Device,
        Limits,
        WaitError, //
    },
    compat,
    hw::Hw,
    live_config,
    slots,
    state::State,
    timeout,
    vgpu::{
        Reason,
        Vgpu, //
    },
    window::Answer, //
};

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
        let free = slots::take(&mut device.lock().messages.free);
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
                slots::take(slots)
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
            slots::done(device, hw);
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
                slots::lose(device);
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
