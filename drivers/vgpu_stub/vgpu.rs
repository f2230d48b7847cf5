// SPDX-License-Identifier: GPL-2.0

//! The types that a vGPU is made of, for all parts of the driver.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            AtomicFlag,
            Relaxed,
            Release, //
        },
        Mutex, //
    }, //
};

use crate::{
    event::Position,
    uapi, //
};

/// The driver, as the class layer knows it.
pub(crate) struct Vgpu;

/// The reason for which a task sleeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The command slot becomes free.
    Slot,
    /// The command that was submitted may have been completed.
    Completion,
    /// There is an event to read.
    Event,
    /// The identity may have changed again, while the last change is yet to be announced.
    Change,
    /// A slot of messages becomes free.
    FreeSlot,
    /// The message in this slot has come back.
    Message(u32),
}

/// The part of a device that lives for as long as anybody has a reference to it.
pub(crate) struct Data {
    /// The PCI revision.
    pub(crate) revision: u8,
    /// The features beyond revision 1, `VGPU_FEATURE_*`.
    pub(crate) features: u32,
    /// Serialises those who read the identity of a device that can announce changes of it: with
    /// two at a time, one that was overtaken would restore an older one.
    pub(crate) refreshing: Pin<KBox<Mutex<()>>>,
    /// The device has interrupts that were requested.
    has_interrupts: AtomicFlag,
    /// They come, as far as is known.
    interrupts_come: AtomicFlag,
    /// Number of COMMAND_DONE interrupts and of resets, wrapping: whoever waits for a completion
    /// compares it.
    completion_signals: Atomic<u32>,
    /// The position after all events so far: what the state says, to be read without its lock.
    position: Atomic<u64>,
}

impl Data {
    /// Creates the data of a device without interrupts.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(revision: u8, features: u32) -> Result<Self> {
        Ok(Self {
            revision,
            features,
            refreshing: KBox::pin_init(new_mutex!((), "vgpu::Data::refreshing"), GFP_KERNEL)?,
            has_interrupts: AtomicFlag::new(false),
            interrupts_come: AtomicFlag::new(false),
            completion_signals: Atomic::new(0),
            position: Atomic::new(0),
        })
    }

    /// Checks whether the device has the registers of revision 2.
    pub(crate) fn has_features(&self) -> bool {
        self.features != 0
    }

    /// Checks whether the host can change the identity of the running device, and the device
    /// announces it.
    pub(crate) fn has_live_config(&self) -> bool {
        self.features & uapi::VGPU_FEATURE_LIVE_CONFIG != 0
    }

    /// Checks whether the device has messages.
    pub(crate) fn has_messages(&self) -> bool {
        self.features & uapi::VGPU_FEATURE_MESSAGES != 0
    }

    /// Checks whether interrupts were requested.
    pub(crate) fn has_interrupts(&self) -> bool {
        self.has_interrupts.load(Relaxed)
    }

    /// Notes that interrupts were requested.
    pub(crate) fn set_has_interrupts(&self) {
        self.has_interrupts.store(true, Relaxed);
    }

    /// Checks whether interrupts come; if not, the device has to be polled.
    pub(crate) fn interrupts_come(&self) -> bool {
        self.interrupts_come.load(Relaxed)
    }

    /// Notes that interrupts come, or that one of them was lost.
    pub(crate) fn set_interrupts_come(&self, come: bool) {
        if self.interrupts_come() != come {
            self.interrupts_come.store(come, Relaxed);
        }
    }

    /// Returns how often there was a reason to look for a completion. Needs no lock.
    pub(crate) fn completion_signals(&self) -> u32 {
        self.completion_signals.load(Acquire)
    }

    /// Counts one more. Called with the state locked.
    pub(crate) fn count_completion_signal(&self) {
        self.completion_signals.fetch_add(1, Release);
    }

    /// Returns the position after all events so far. Needs no lock.
    pub(crate) fn position(&self) -> Position {
        Position::from_raw(self.position.load(Acquire))
    }

    /// Sets what [`Self::position`] returns. Called with the state locked.
    pub(crate) fn set_position(&self, position: Position) {
        self.position.store(position.into_raw(), Release);
    }
}
