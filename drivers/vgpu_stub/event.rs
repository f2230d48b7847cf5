// SPDX-License-Identifier: GPL-2.0

//! What a read of the node tells: that the identity has changed, and that commands were completed.
//!
//! There is no queue that could overflow. A file remembers what it has told last, and the next
//! record has the difference: how many there were since, and what the last one was.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

use crate::{
    state::State,
    uapi::{
        self,
        vgpu_event, //
    }, //
};

/// What a file has told.
///
/// Both numbers in one, so that of two readers of one file each record goes to one.
pub(crate) struct Cursor(Atomic<u64>);

/// Two numbers of a state: its generation, and its completed commands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Everything that has happened so far.
    pub(crate) fn of(state: &State) -> Self {
        Self::new(state.generation, state.completed)
    }

    fn new(generation: u32, completed: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(completed))
    }

    fn generation(self) -> u32 {
        // CAST: The upper half.
        (self.0 >> 32) as u32
    }

    fn completed(self) -> u32 {
        // CAST: The lower half.
        self.0 as u32
    }
}

impl Cursor {
    /// Of a file to which everything that has happened is old.
    pub(crate) fn new(seen: Seen) -> Self {
        Self(Atomic::new(seen.0))
    }

    /// What was told.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.0.load(Relaxed))
    }

    /// Notes that `new` was told, if `old` still is what was; `false` if not.
    pub(crate) fn advance(&self, old: Seen, new: Seen) -> bool {
        self.0.cmpxchg(old.0, new.0, Relaxed).is_ok()
    }
}

/// The next record for a file that has told `old` when `new` is what there is, and what it has told
/// with that. Changes of the identity come first.
pub(crate) fn next(old: Seen, new: Seen) -> Option<(vgpu_event, Seen)> {
    let changes = new.generation().wrapping_sub(old.generation());
    let completions = new.completed().wrapping_sub(old.completed());
    if changes != 0 {
        let event = vgpu_event {
            type_: uapi::VGPU_EVENT_CONFIG_CHANGED,
            count: changes,
            value: new.generation(),
            reserved: 0,
        };
        Some((event, Seen::new(new.generation(), old.completed())))
    } else if completions != 0 {
        let event = vgpu_event {
            type_: uapi::VGPU_EVENT_COMMAND_DONE,
            count: completions,
            value: new.completed(),
            reserved: 0,
        };
        Some((event, new))
    } else {
        None
    }
}
