// SPDX-License-Identifier: GPL-2.0

//! Interrupts: a command was completed, or the host has changed the identity.
//!
//! The hard handler asks the device and acknowledges; everything else is done by a thread, which
//! may sleep and so takes the lock that those who wait sleep with.

use kernel::{
    irq::{
        IrqReturn,
        ThreadedIrqReturn, //
    },
    prelude::*,
    sync::aref::ARef, //
};

use crate::{
    attributes,
    class::{
        compat::ThreadedHandler,
        Device,
        Line,
        MAX_LINES, //
    },
    driver::Vgpu,
    hw::Hw,
    uapi::{
        VGPU_IRQ_COMMAND_DONE,
        VGPU_IRQ_CONFIG_CHANGED, //
    }, //
};

/// Everything that the device can interrupt for.
pub(crate) const ALL: u32 = VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED;

/// Handles one line.
pub(crate) struct Handler<'a> {
    device: ARef<Device<Vgpu>>,
    hw: &'a Hw<'a>,
    /// What comes on this line.
    mask: u32,
}

/// The lines of a device: one for each of the two with MSI-X, one for both, or none.
pub(crate) fn lines<'a>(
    device: &ARef<Device<Vgpu>>,
    hw: &'a Hw<'a>,
) -> Result<[Option<Line<'a, Vgpu>>; MAX_LINES]> {
    let line = |index, mask| {
        Ok::<_, Error>(Line {
            vector: hw.vector(index)?,
            handler: Handler {
                device: device.clone(),
                hw,
                mask,
            },
        })
    };
    Ok(match hw.vectors() {
        0 => [None, None],
        1 => [Some(line(0, ALL)?), None],
        _ => [
            Some(line(0, VGPU_IRQ_COMMAND_DONE)?),
            Some(line(1, VGPU_IRQ_CONFIG_CHANGED)?),
        ],
    })
}

impl ThreadedHandler for Handler<'_> {
    fn handle(&self) -> ThreadedIrqReturn {
        // The line may be that of another device, or this one may be gone.
        let happened = self.hw.irq_status().unwrap_or(0) & self.mask;
        if happened == 0 {
            return ThreadedIrqReturn::None;
        }
        // Before anybody looks at what it is about: what happens from here on comes again.
        self.hw.acknowledge(happened);
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self) -> IrqReturn {
        if self.mask & VGPU_IRQ_COMMAND_DONE != 0 {
            let completed = self.hw.completed();
            self.device.with_state(|state| {
                state.interrupts = state.interrupts.wrapping_add(1);
                state.count(completed);
            });
            self.device.notify();
        }
        if self.mask & VGPU_IRQ_CONFIG_CHANGED != 0 {
            refresh(&self.device, self.hw);
        }
        IrqReturn::Handled
    }
}

/// Does what an interrupt would have done, before somebody looks at the identity of a device that
/// cannot interrupt.
pub(crate) fn catch_up(device: &Device<Vgpu>, hw: &Hw<'_>) {
    if hw.vectors() == 0 && hw.has_live_config() {
        refresh(device, hw);
    }
}

/// Reads the identity again, and tells everybody if it has changed.
pub(crate) fn refresh(device: &Device<Vgpu>, hw: &Hw<'_>) {
    // One that does not answer is about to be taken away.
    let Ok((identity, generation)) = hw.read_identity() else {
        return;
    };
    let Some(before) = device.with_state(|state| state.replace(identity, generation)) else {
        return;
    };
    device.notify();
    if let Ok(guard) = device.enter() {
        attributes::announce(&guard, &before, &identity);
    }
}
