// SPDX-License-Identifier: GPL-2.0

//! Interrupts: a command was completed, the host has changed the identity, or a message has come
//! back.
//!
//! The handler counts the completion and wakes up whom it is about. The identity takes several
//! reads, and is read by the thread.

use kernel::irq::ThreadedIrqReturn;

use crate::{
    class::Device,
    command,
    hw::Hw,
    live_config,
    slots,
    uapi::{
        VGPU_IRQ_COMMAND_DONE,
        VGPU_IRQ_CONFIG_CHANGED,
        VGPU_IRQ_MESSAGE_DONE, //
    },
    vgpu::Vgpu, //
};

/// Handles interrupt `index`. Called in interrupt context.
pub(crate) fn handle(device: &Device<Vgpu>, hw: &Hw<'_>, index: usize) -> ThreadedIrqReturn {
    // A vector says itself what it is for. A line may be that of another device.
    let pending = match hw.interrupt_bit(index) {
        Some(bit) => bit,
        None => hw.pending_interrupts(),
    };
    if pending == 0 {
        return ThreadedIrqReturn::None;
    }
    // Before anybody looks at what it is about: what happens from here on comes again.
    hw.acknowledge(pending);
    device.data().set_interrupts_come(true);

    let mut needs_thread = false;
    if pending & VGPU_IRQ_COMMAND_DONE != 0 {
        needs_thread |= command::completed(device, hw);
    }
    if pending & VGPU_IRQ_CONFIG_CHANGED != 0 {
        needs_thread |= live_config::changed(device);
    }
    if pending & VGPU_IRQ_MESSAGE_DONE != 0 {
        slots::done(device, hw);
    }
    match needs_thread {
        true => ThreadedIrqReturn::WakeThread,
        false => ThreadedIrqReturn::Handled,
    }
}

/// Does what [`handle`] has left. May sleep.
pub(crate) fn handle_threaded(device: &Device<Vgpu>, hw: &Hw<'_>) {
    live_config::refresh_until_announced(device, hw);
}
