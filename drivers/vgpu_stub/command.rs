// SPDX-License-Identifier: GPL-2.0

//! Commands: one at a time, in order of arrival, until a deadline.

use core::mem;
use kernel::prelude::*;

use crate::{
    class::{
        Device,
        Guard,
        Limits,
        WaitError, //
    },
    compat,
    hw::Hw,
    live_config,
    regs::STATUS,
    timeout,
    vgpu::{
        Reason,
        Vgpu, //
    },
    wakeup, //
};

/// The outcome of a command.
pub(crate) struct Completion {
    /// Raw value of the status register.
    pub(crate) status: u32,
    /// The device's result, 0 is success.
    pub(crate) result: u32,
    /// The number of the command.
    pub(crate) sequence: u32,
}

/// Submits a command and waits until it is done. May sleep.
///
/// `timeout_ms` covers both the wait for the slot and the wait for the completion. `freezable` says
/// that the caller holds no lock: the task can be frozen meanwhile.
///
/// # Errors
///
/// - `EINVAL` if the timeout is longer than `VGPU_TIMEOUT_MAX_MS`.
/// - `EBUSY` if the slot did not become free in time, or the device stayed busy; nothing was
///   submitted.
/// - `EIO` if the device has ignored a command, this one or one that came past the driver.
/// - `ETIMEDOUT` if the device did not complete the command in time.
/// - `ECANCELED` if the device was reset before it completed the command.
/// - `EINTR` if a signal came first. It is not restarted: the command may have been submitted.
/// - `ENODEV` if the device is gone, or went in the middle.
pub(crate) fn submit(
    device: &Device<Vgpu>,
    command: u32,
    timeout_ms: u32,
    freezable: bool,
) -> Result<Completion> {
    SlotGuard::take(device, timeout::limits(timeout_ms, freezable)?)?.run(command)
}

/// Counts what the device has completed, after a COMMAND_DONE interrupt, and wakes up those who
/// wait for it. Returns whether the interrupt's thread is to be woken up. Called in interrupt
/// context.
pub(crate) fn completed(device: &Device<Vgpu>, hw: &Hw<'_>) -> bool {
    let mut state = device.lock();
    // Under the lock: of two readers, the later one has the newer number. One that does not answer
    // has no number.
    if let Ok(counter) = hw.completed() {
        if state.count(counter) {
            state.has_gone_back = true;
        }
    }
    wakeup::completion(device, &state);
    wakeup::events(device, &state);
    state.has_gone_back
}

/// The command slot while a task has it; dropping it gives it to the next one.
struct SlotGuard<'a> {
    device: &'a Device<Vgpu>,
    limits: Limits,
    /// Signals and resets until the slot was taken.
    signals: u32,
    resets: u32,
    /// The counts of completed commands until then.
    completions: (u32, u32),
    /// A command of somebody else may still be in flight.
    is_unsettled: bool,
    /// The command was handed to the device.
    is_submitted: bool,
    /// The slot was given up.
    is_over: bool,
}

impl<'a> SlotGuard<'a> {
    /// Waits for the slot, behind those who came earlier.
    fn take(device: &'a Device<Vgpu>, limits: Limits) -> Result<Self> {
        // Mostly it is free.
        let mut state = device.lock();
        if mem::replace(&mut state.slot.is_taken, true) {
            drop(state);
            Self::wait_for_slot(device, limits)?;
            state = device.lock();
        }
        Ok(Self {
            device,
            limits,
            signals: device.data().completion_signals(),
            resets: state.resets,
            completions: state.completions(),
            is_unsettled: mem::replace(&mut state.slot.is_unsettled, true),
            is_submitted: false,
            is_over: false,
        })
    }

    #[cold]
    fn wait_for_slot(device: &Device<Vgpu>, limits: Limits) -> Result {
        device
            .wait(Reason::Slot, limits, |state, is_granted| {
                (is_granted || !mem::replace(&mut state.slot.is_taken, true)).then_some(())
            })
            .map_err(|error| match error {
                WaitError::Timeout => EBUSY,
                error => error.into(),
            })
    }

    /// Submits a command and waits until it is done.
    fn run(mut self, command: u32) -> Result<Completion> {
        let device = self.device;
        let mut guard = device.enter()?;
        if self.is_unsettled && device.data().has_features() {
            let busy = |error| match error == ETIMEDOUT {
                true => EBUSY,
                false => error,
            };
            // Revision 2 ignores a command while it is busy.
            (_, _, guard) = self
                .await_status(guard, false, |status| !status.busy())
                .map_err(busy)?;
            self.completions = device.lock().completions();
        }
        guard.with(|hw: &Hw<'_>| hw.submit(command));
        self.is_submitted = true;

        // Where an interrupt comes, the look comes after it; but for a device that takes no time,
        // sleeping would.
        let is_early = device.data().interrupts_come()
            && !self.is_signalled()
            && guard.with(|hw: &Hw<'_>| hw.is_busy());
        let (result, status, guard) = self.await_status(guard, is_early, |status| {
            status.done() && !status.busy() && !status.dropped()
        })?;
        if device.data().has_features() && !device.data().interrupts_come() {
            // Nobody else counts it.
            guard.with(|hw: &Hw<'_>| {
                if completed(device, hw) {
                    live_config::adopt(device, hw);
                }
            });
        }
        drop(guard);
        Ok(Completion {
            status: status.into_raw(),
            result,
            sequence: self.finish(true),
        })
    }

    /// Checks whether a signal came since the last look, and remembers it.
    fn is_signalled(&mut self) -> bool {
        let signals = self.device.data().completion_signals();
        mem::replace(&mut self.signals, signals) != signals
    }

    /// Waits until the status is one that is wanted, and returns it, with the result before it.
    /// `is_early` says that the first look would be in vain.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, `EIO`, `ECANCELED`, `EINTR`, `ENODEV`.
    fn await_status(
        &mut self,
        mut guard: Guard<'a, Vgpu>,
        mut is_early: bool,
        is_wanted: impl Fn(STATUS) -> bool,
    ) -> Result<(u32, STATUS, Guard<'a, Vgpu>)> {
        loop {
            if is_early {
                // Whatever has woken this task up: nothing keeps it beyond its deadline, or a
                // signal to the process.
                self.limits.check()?;
                let nap_is_over;
                (guard, nap_is_over) = self.sleep_without(guard)?;
                if nap_is_over {
                    self.check_interrupts(&guard, &is_wanted);
                }
            }
            is_early = true;
            match guard.with(|hw: &Hw<'_>| hw.result_and_status()) {
                Ok((result, status)) if is_wanted(status) => return Ok((result, status, guard)),
                Ok((_, status)) => self.check_in_flight(status)?,
                // It answers again once the reset is over.
                Err(_) if self.device.lock().is_resetting => (),
                Err(error) => return Err(error),
            }
        }
    }

    /// Fails if the device has no command in flight.
    fn check_in_flight(&self, status: STATUS) -> Result {
        if !self.is_submitted || status.busy() {
            Ok(())
        } else if status.dropped() {
            // Somebody uses the device past the driver, and one of the two commands was ignored.
            Err(EIO)
        } else if self.device.lock().resets != self.resets && !status.done() {
            Err(compat::ecanceled())
        } else {
            Ok(())
        }
    }

    /// Sleeps until a signal comes, without a guard, which an unplug would wait for. Returns
    /// whether none has come for as long as that may take.
    fn sleep_without(&mut self, guard: Guard<'a, Vgpu>) -> Result<(Guard<'a, Vgpu>, bool)> {
        drop(guard);
        let device = self.device;
        let interrupts_come = device.data().interrupts_come();
        let nap = self.limits.until(timeout::next_look(device.data()));
        let seen = self.signals;
        let woken = device.wait(Reason::Completion, nap, |_, _| {
            let signals = device.data().completion_signals();
            (signals != seen).then_some(signals)
        });
        let nap_is_over = match woken {
            Ok(signals) => {
                self.signals = signals;
                false
            }
            // One more look; the caller checks the deadline after it.
            Err(WaitError::Timeout) => interrupts_come,
            Err(error) => return Err(error.into()),
        };
        Ok((device.enter()?, nap_is_over))
    }

    /// Checks for an interrupt that was lost, after none has come for long: the command is done, or
    /// the device has its interrupts disabled. If so, the device is polled until one comes.
    #[cold]
    fn check_interrupts(&self, guard: &Guard<'_, Vgpu>, is_wanted: impl Fn(STATUS) -> bool) {
        guard.with(|hw: &Hw<'_>| {
            let is_lost = match hw.status() {
                Ok(status) => is_wanted(status) || !hw.are_interrupts_enabled(),
                Err(_) => false,
            };
            if is_lost {
                live_config::adopt(self.device, hw);
                self.device.data().set_interrupts_come(false);
            }
        });
    }

    /// Gives the slot to the next one, and returns the number of the command.
    fn finish(&mut self, is_settled: bool) -> u32 {
        self.is_over = true;
        let mut state = self.device.lock();
        if self.is_submitted {
            state.slot.submitted = state.slot.submitted.wrapping_add(1);
        }
        state.slot.is_unsettled = !is_settled;
        if is_settled && self.device.data().has_features() {
            // Whoever reads events hears of it before its submitter goes on.
            state.count_one_since(self.completions);
            wakeup::events(self.device, &state);
        }
        state.slot.is_taken = state.grant_first(Reason::Slot);
        state.slot.submitted
    }
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.finish(false);
        }
    }
}
