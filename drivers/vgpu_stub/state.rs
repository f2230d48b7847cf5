// SPDX-License-Identifier: GPL-2.0

//! Mutable device state, under the device's lock.

use crate::{
    class::Deadline,
    event::Position,
    identity::Identity,
    slots::Slots, //
};

/// The state of a device while it is bound.
pub(crate) struct State {
    /// The command slot.
    pub(crate) slot: Slot,
    /// The slots of messages.
    pub(crate) messages: Slots,
    /// The identity that was read last.
    pub(crate) identity: Identity,
    /// The device's counter of changes when it was read.
    pub(crate) generation: u32,
    /// Number of CONFIG_CHANGED interrupts, wrapping.
    pub(crate) change_signals: u32,
    /// Number of times that the device was reset, replaced or moved, wrapping.
    pub(crate) resets: u32,
    /// The device's counter of completed commands has gone back, so it was reset, or is another
    /// one.
    pub(crate) has_gone_back: bool,
    /// The kernel resets the device: it does not answer for a while.
    pub(crate) is_resetting: bool,
    /// Number of changes of the identity since the device was bound, wrapping.
    changes: u32,
    /// Number of commands that were completed since the device was bound, wrapping.
    completed: u32,
    /// The device's own counter of completed commands, as it was counted last.
    completed_counter: u32,
    /// The changes that were announced, and the identity then.
    announced: (u32, Identity),
    /// When the next change may be announced.
    next_announcement: Option<Deadline>,
}

/// The command slot: one command at a time.
pub(crate) struct Slot {
    /// Somebody has it.
    pub(crate) is_taken: bool,
    /// A command may still be in flight whose submitter has given up.
    pub(crate) is_unsettled: bool,
    /// Number of commands that were submitted, wrapping.
    pub(crate) submitted: u32,
}

impl State {
    /// Creates the state of a device that was found to be this, with these slots for messages.
    pub(crate) fn new(identity: Identity, generation: u32, slots: u32) -> Self {
        Self {
            slot: Slot {
                is_taken: false,
                // Whoever had the device before may have left a command behind.
                is_unsettled: true,
                submitted: 0,
            },
            messages: Slots::new(slots),
            identity,
            generation,
            change_signals: 0,
            resets: 0,
            has_gone_back: false,
            is_resetting: false,
            changes: 0,
            completed: 0,
            completed_counter: 0,
            announced: (0, identity),
            next_announcement: None,
        }
    }

    /// Returns the position after all events so far.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.changes, self.completed)
    }

    /// Sets the baseline of completed commands to the device's counter. Those before are not
    /// told to anybody.
    pub(crate) fn rebase(&mut self, counter: u32) {
        self.completed_counter = counter;
    }

    /// Counts what the device has completed until its counter was this. Returns whether it has gone
    /// back: the device was reset.
    pub(crate) fn count(&mut self, counter: u32) -> bool {
        let more = counter.wrapping_sub(self.completed_counter);
        if !is_forward(more) {
            return true;
        }
        self.completed = self.completed.wrapping_add(more);
        self.completed_counter = counter;
        false
    }

    /// Returns the counts of completed commands so far: the driver's own, and the device's.
    pub(crate) fn completions(&self) -> (u32, u32) {
        (self.completed, self.completed_counter)
    }

    /// Counts one command that was seen to be done, unless one was counted since the counts were
    /// `before`: then its interrupt came first. If it is still to come, it finds nothing new.
    pub(crate) fn count_one_since(&mut self, before: (u32, u32)) {
        if self.completed != before.0 {
            return;
        }
        self.completed = self.completed.wrapping_add(1);
        // After a reset, the counter was taken as it is, this command included.
        if self.completed_counter == before.1 {
            self.completed_counter = self.completed_counter.wrapping_add(1);
        }
    }

    /// Takes over what was read from the device as its identity. Returns whether it has changed.
    ///
    /// Called by one task at a time, with what it has read last, so it is newer than what there is,
    /// whatever the generations say: after a reset, or on another host, they begin anew.
    pub(crate) fn update(&mut self, identity: Identity, generation: u32) -> bool {
        let more = generation.wrapping_sub(self.generation);
        if more == 0 && identity == self.identity {
            return false;
        }
        let count = if more != 0 && is_forward(more) {
            more
        } else {
            1
        };
        self.changes = self.changes.wrapping_add(count);
        self.identity = identity;
        self.generation = generation;
        true
    }

    /// Returns the identity that was announced last, if there is another one by now, and notes that
    /// this one is announced.
    ///
    /// # Errors
    ///
    /// The time to wait for if it is too early for another announcement.
    pub(crate) fn take_announcement(
        &mut self,
        pause: impl FnOnce() -> Deadline,
    ) -> Result<Option<Identity>, Deadline> {
        let (changes, before) = self.announced;
        if changes == self.changes {
            return Ok(None);
        }
        if let Some(next) = self.next_announcement {
            if !next.has_passed() {
                return Err(next);
            }
        }
        self.announced = (self.changes, self.identity);
        self.next_announcement = Some(pause());
        Ok(Some(before))
    }
}

/// Checks whether a counter that wraps has grown, or stayed, and not gone back.
fn is_forward(difference: u32) -> bool {
    difference <= u32::MAX / 2
}
