// SPDX-License-Identifier: GPL-2.0

//! Slots for messages, and who has each of them.

use crate::{
    class::{
        Device,
        StateGuard, //
    },
    hw::Hw,
    vgpu::{
        Reason,
        Vgpu, //
    }, //
};

/// The slots of a device: bitmaps, under the device's lock.
pub(crate) struct Slots {
    /// Nobody uses them.
    pub(crate) free: u32,
    /// A task that waits for a free one was granted one of them.
    pub(crate) granted: u32,
    /// The device has given them back, and their users have not looked yet.
    pub(crate) done: u32,
    /// The device has forgotten them in a reset, and their users have not looked yet.
    pub(crate) lost: u32,
    /// The device has them, as far as the driver knows.
    pub(crate) rung: u32,
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

/// Takes the lowest of some slots.
pub(crate) fn take(slots: &mut u32) -> Option<u32> {
    let slot = slots.trailing_zeros();
    *slots &= slots.wrapping_sub(1);
    (slot < u32::BITS).then_some(slot)
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
    while let Some(slot) = take(&mut slots) {
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
pub(crate) fn lose(device: &Device<Vgpu>) {
    let mut state = device.lock();
    let slots = state.messages.lose();
    wake(&state, slots);
}
