// SPDX-License-Identifier: GPL-2.0

//! The identity of a device: read again when the host has changed it, and when the device may be
//! another one than it was; and announced.

use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};

use crate::{
    announcement,
    class::{
        Deadline,
        Device,
        Limits,
        WaitError, //
    },
    hw::Hw,
    identity::Identity,
    slots,
    vgpu::{
        Reason,
        Vgpu, //
    },
    wakeup, //
};

/// Time after one announcement before the next one: a device that changes all the time would keep
/// udev busy. The last change is always announced.
const ANNOUNCEMENT_PAUSE_MS: u32 = 100;

/// Time after one change before the next one is read, while that one is yet to be announced.
const REFRESH_PAUSE_MS: u32 = 10;

/// Notes that a CONFIG_CHANGED interrupt came. Returns whether the interrupt's thread is to be
/// woken up. Called in interrupt context.
pub(crate) fn changed(device: &Device<Vgpu>) -> bool {
    let mut state = device.lock();
    state.change_signals = state.change_signals.wrapping_add(1);
    state.wake(Reason::Change);
    true
}

/// Reads the identity again, if the generation says that it has changed. May sleep.
fn refresh(device: &Device<Vgpu>, hw: &Hw<'_>) {
    let _one_at_a_time = device.data().refreshing.lock();
    let generation = device.lock().generation;
    if hw.generation() != generation {
        read(device, hw);
    }
}

/// Reads the identity and takes it over. Called by one task at a time.
fn read(device: &Device<Vgpu>, hw: &Hw<'_>) {
    // One that does not answer is about to be taken away.
    if let Ok((identity, generation)) = hw.read_identity() {
        let mut state = device.lock();
        if state.update(identity, generation) {
            wakeup::events(device, &state);
        }
    }
}

/// Announces the last change of the identity that was not announced yet, if there is one. May
/// sleep.
///
/// # Errors
///
/// The time to wait for if it is too early for another announcement.
fn announce(device: &Device<Vgpu>) -> Result<(), Deadline> {
    let pause = || Deadline::after(msecs_to_jiffies(ANNOUNCEMENT_PAUSE_MS));
    // Before the device is added, nobody can be told; afterwards, `start` does it.
    if !device.is_added() {
        return Ok(());
    }
    let (before, now) = {
        let mut state = device.lock();
        match state.take_announcement(pause)? {
            Some(before) => (before, state.identity),
            None => return Ok(()),
        }
    };
    if let Ok(guard) = device.enter() {
        announcement::send(&guard, &before, &now);
    }
    Ok(())
}

/// Reads the identity again and announces the change, when the time for that has come: until then,
/// it goes on to read. May sleep.
///
/// A device whose counter has gone back is taken over as another one.
pub(crate) fn refresh_until_announced(device: &Device<Vgpu>, hw: &Hw<'_>) {
    loop {
        let (seen, has_gone_back) = {
            let mut state = device.lock();
            (
                state.change_signals,
                core::mem::take(&mut state.has_gone_back),
            )
        };
        match has_gone_back {
            true => adopt_quietly(device, hw),
            false => refresh(device, hw),
        }
        let Err(due) = announce(device) else {
            return;
        };
        let woken = sleep_until(device, due, |signals| signals != seen).and_then(|()| {
            // A device that changes all the time does not keep the processor busy.
            let pause = Deadline::after(msecs_to_jiffies(REFRESH_PAUSE_MS));
            sleep_until(device, pause, |_| false)
        });
        if let Err(WaitError::Gone | WaitError::Signal) = woken {
            return;
        }
    }
}

/// Sleeps until a CONFIG_CHANGED interrupt has come, as `has_come` finds by their number.
fn sleep_until(
    device: &Device<Vgpu>,
    deadline: Deadline,
    has_come: impl Fn(u32) -> bool,
) -> Result<(), WaitError> {
    let limits = Limits {
        deadline: Some(deadline),
        freezable: false,
    };
    device.wait(Reason::Change, limits, |state, _| {
        has_come(state.change_signals).then_some(())
    })
}

/// Polls for a change of the identity, if interrupts do not come that would announce it. Called
/// before somebody looks at it. May sleep.
#[inline]
pub(crate) fn refresh_if_polled(device: &Device<Vgpu>, hw: &Hw<'_>) {
    let data = device.data();
    if !data.interrupts_come() && data.has_live_config() {
        poll(device, hw);
    }
}

#[cold]
fn poll(device: &Device<Vgpu>, hw: &Hw<'_>) {
    refresh(device, hw);
    // If it is too early, the next one who asks tells.
    let _ = announce(device);
}

/// Returns the identity as the device says it now: revision 2 announces a change of it, and
/// revision 1 is read. May sleep.
///
/// # Errors
///
/// `ENODEV` if the device does not answer.
#[inline]
pub(crate) fn identity(device: &Device<Vgpu>, hw: &Hw<'_>) -> Result<(Identity, u32)> {
    if device.data().has_live_config() {
        refresh_if_polled(device, hw);
        let state = device.lock();
        Ok((state.identity, state.generation))
    } else {
        let (identity, generation) = hw.read_identity()?;
        device.lock().identity = identity;
        Ok((identity, generation))
    }
}

/// Enables interrupts and picks up changes made before. Called once the device was added. May
/// sleep.
pub(crate) fn start(device: &Device<Vgpu>, hw: &Hw<'_>, have_interrupts: bool) {
    let data = device.data();
    if !data.has_features() {
        return;
    }
    if let Ok(counter) = hw.completed() {
        device.lock().rebase(counter);
    }
    slots::start(device, hw);
    if have_interrupts {
        data.set_has_interrupts();
        data.set_interrupts_come(true);
        hw.enable_interrupts();
    }
    refresh(device, hw);
    // The first one is never too early.
    let _ = announce(device);
}

/// Notes that the kernel resets the device. May sleep.
pub(crate) fn prepare_reset(device: &Device<Vgpu>) {
    device.lock().is_resetting = true;
}

/// Takes over a device that may have been reset, replaced or moved: whatever it is now is what
/// counts, and what is different is announced. May sleep.
#[cold]
pub(crate) fn adopt(device: &Device<Vgpu>, hw: &Hw<'_>) {
    adopt_quietly(device, hw);
    if let Err(due) = announce(device) {
        let _ = sleep_until(device, due, |_| false);
        let _ = announce(device);
    }
}

fn adopt_quietly(device: &Device<Vgpu>, hw: &Hw<'_>) {
    let data = device.data();
    let _one_at_a_time = data.refreshing.lock();
    if data.has_interrupts() {
        // Off and on: what is pending, and was lost, interrupts again.
        hw.disable_interrupts();
        data.set_interrupts_come(true);
        hw.enable_interrupts();
    }
    read(device, hw);
    slots::start(device, hw);
    let mut state = device.lock();
    // Under the lock, as the handler does: the later one of two has the newer number.
    let counter = match data.has_features() {
        true => hw.completed(),
        false => Err(ENODEV),
    };
    if let Ok(counter) = counter {
        if state.count(counter) {
            state.rebase(counter);
        }
    }
    state.resets = state.resets.wrapping_add(1);
    state.is_resetting = false;
    state.has_gone_back = false;
    wakeup::completion(device, &state);
    wakeup::events(device, &state);
}
