// SPDX-License-Identifier: GPL-2.0

//! The events that a read of the node returns: changes of the identity, and completed commands.
//!
//! There is no queue that could overflow. A file remembers the position up to which it has told,
//! and the next record has the difference: how many there were since, and what the last one was.

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

use crate::uapi::{
    self,
    vgpu_event, //
};

/// A position in the events of a device: the numbers of changes and of completed commands since it
/// was bound, both wrapping, packed for atomic exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(u64);

impl Position {
    /// Creates the position after so many events.
    pub(crate) fn new(changes: u32, completed: u32) -> Self {
        Self(u64::from(changes) << 32 | u64::from(completed))
    }

    /// Creates a position from its packed form.
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Returns the packed form.
    pub(crate) fn into_raw(self) -> u64 {
        self.0
    }

    fn changes(self) -> u32 {
        // CAST: The upper half.
        (self.0 >> 32) as u32
    }

    fn completed(self) -> u32 {
        // CAST: The lower half.
        self.0 as u32
    }
}

/// The position up to which a file has told.
///
/// Of two readers of one file, each record goes to one.
pub(crate) struct Cursor(Atomic<u64>);

impl Cursor {
    /// Creates a cursor after all events up to `position`.
    pub(crate) fn new(position: Position) -> Self {
        Self(Atomic::new(position.0))
    }

    /// Returns the position.
    pub(crate) fn position(&self) -> Position {
        Position(self.0.load(Relaxed))
    }

    /// Moves it from `old` to `new`; returns `false` if it is not at `old` any more.
    pub(crate) fn advance(&self, old: Position, new: Position) -> bool {
        self.0.cmpxchg(old.0, new.0, Relaxed).is_ok()
    }
}

/// Returns the record that follows `old` when `new` is the last position, and the position after
/// it. Changes of the identity come first; their value is the generation.
pub(crate) fn next(
    old: Position,
    new: Position,
    generation: u32,
) -> Option<(vgpu_event, Position)> {
    let changes = new.changes().wrapping_sub(old.changes());
    let completions = new.completed().wrapping_sub(old.completed());
    if changes != 0 {
        let event = vgpu_event {
            type_: uapi::VGPU_EVENT_CONFIG_CHANGED,
            count: changes,
            value: generation,
            reserved: 0,
        };
        Some((event, Position::new(new.changes(), old.completed())))
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
