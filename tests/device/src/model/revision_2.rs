// SPDX-License-Identifier: GPL-2.0

//! What revision 2 has beyond revision 1.

use std::time::Duration;

use vgpu::uapi::*;

use super::Model;

/// A command that is executed when its time has come, and the registers that tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision2 {
    /// What a command takes.
    pub latency: Duration,
    /// What the pending one takes yet.
    pub remaining: Option<Duration>,
    /// Value of `CONFIG_GENERATION`.
    pub generation: u32,
    /// Value of `IRQ_STATUS`.
    pub irq_status: u32,
    /// Value of `IRQ_ENABLE`.
    pub irq_enable: u32,
    /// Value of SUBMITTED.
    pub submitted: u32,
    /// Value of COMPLETED.
    pub completed: u32,
}

impl Revision2 {
    pub(super) fn new(latency: Duration, generation: u32) -> Self {
        Self {
            latency,
            remaining: None,
            generation,
            irq_status: 0,
            irq_enable: 0,
            submitted: 0,
            completed: 0,
        }
    }

    pub(super) fn register(&self, at: u32) -> u32 {
        match at {
            VGPU_REG_FEATURES => VGPU_FEATURE_IRQ | VGPU_FEATURE_ASYNC | VGPU_FEATURE_LIVE_CONFIG,
            VGPU_REG_IRQ_STATUS => self.irq_status,
            VGPU_REG_IRQ_ENABLE => self.irq_enable,
            VGPU_REG_SUBMITTED => self.submitted,
            VGPU_REG_COMPLETED => self.completed,
            VGPU_REG_CONFIG_GENERATION => self.generation,
            // RESULT too: every command succeeds.
            _ => 0,
        }
    }

    pub(super) fn set_register(&mut self, at: u32, value: u32, has_messages: bool) {
        match at {
            VGPU_REG_IRQ_STATUS => self.irq_status &= !value,
            VGPU_REG_IRQ_ENABLE => {
                let messages = u32::from(has_messages) * VGPU_IRQ_MESSAGE_DONE;
                self.irq_enable =
                    value & (VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED | messages);
            }
            _ => {}
        }
    }
}

impl Model {
    /// The effect of a command.
    pub(super) fn submit(&mut self, command: u32) {
        let Some(more) = &mut self.revision_2 else {
            self.command = command;
            self.status = VGPU_STATUS_DONE;
            return;
        };
        if more.remaining.is_some() {
            self.status |= VGPU_STATUS_DROPPED;
            return;
        }
        self.command = command;
        self.status = VGPU_STATUS_BUSY;
        more.submitted = more.submitted.wrapping_add(1);
        more.remaining = Some(more.latency);
        self.pass(Duration::ZERO);
    }

    /// What happens when so much time passes.
    pub fn pass(&mut self, time: Duration) {
        let Some(more) = &mut self.revision_2 else {
            return;
        };
        let Some(remaining) = more.remaining else {
            return;
        };
        more.remaining = Some(remaining.saturating_sub(time));
        if more.remaining == Some(Duration::ZERO) {
            more.remaining = None;
            more.completed = more.completed.wrapping_add(1);
            more.irq_status |= VGPU_IRQ_COMMAND_DONE;
            self.status = (self.status & !VGPU_STATUS_BUSY) | VGPU_STATUS_DONE;
        }
    }

    /// Whether the interrupt line is active.
    pub fn interrupts(&self) -> bool {
        self.revision_2
            .is_some_and(|more| more.irq_status & more.irq_enable != 0)
    }
}
