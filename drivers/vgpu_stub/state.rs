// SPDX-License-Identifier: GPL-2.0

//! What is known of a device and changes while it is bound.

use crate::{
    command::Slot,
    identity::Identity, //
};

/// Under the device's lock; everybody who waits for a change of it sleeps with that lock.
pub(crate) struct State {
    /// Whose turn it is to submit.
    pub(crate) slot: Slot,
    /// Who the host says that this virtual machine is.
    pub(crate) identity: Identity,
    /// How often the host has changed that while the device ran.
    pub(crate) generation: u32,
    /// How many commands the device has completed since it was bound, wraps.
    pub(crate) completed: u32,
    /// What its own counter was when that was counted last.
    counter: u32,
    /// How often it has interrupted for that, wraps.
    pub(crate) interrupts: u32,
}

impl State {
    /// What was found when the device was bound.
    pub(crate) fn new(identity: Identity, generation: u32) -> Self {
        Self {
            slot: Slot::new(),
            identity,
            generation,
            completed: 0,
            counter: 0,
            interrupts: 0,
        }
    }

    /// Takes the device's counter as it is for the beginning: it may have been reset.
    pub(crate) fn rebase(&mut self, counter: u32) {
        self.counter = counter;
    }

    /// Counts what the device has completed until its counter was this.
    pub(crate) fn count(&mut self, counter: u32) {
        if let Some(more) = newer(counter, self.counter) {
            self.completed = self.completed.wrapping_add(more);
            self.counter = counter;
        }
    }

    /// Takes over the identity that the device had in this generation, and returns the one before.
    pub(crate) fn replace(&mut self, identity: Identity, generation: u32) -> Option<Identity> {
        newer(generation, self.generation)?;
        self.generation = generation;
        Some(core::mem::replace(&mut self.identity, identity))
    }
}

/// How much newer the first of two counts is that wrap. Several threads read them from the device,
/// and one that was overtaken has an old one.
fn newer(count: u32, than: u32) -> Option<u32> {
    let more = count.wrapping_sub(than);
    (1..=u32::MAX / 2).contains(&more).then_some(more)
}
