// SPDX-License-Identifier: GPL-2.0

//! Waking up those who wait for something that has happened to a device.

use crate::{
    class::{
        Device,
        StateGuard, //
    },
    vgpu::{
        Reason,
        Vgpu, //
    }, //
};

/// Wakes up the one who waits for a completion, to look at the device. Called in any context.
pub(crate) fn completion(device: &Device<Vgpu>, state: &StateGuard<'_, Vgpu>) {
    device.data().count_completion_signal();
    state.wake(Reason::Completion);
}

/// Wakes up those who wait for events, if the state has new ones. Called in any context.
///
/// Revision 1 has no events.
pub(crate) fn events(device: &Device<Vgpu>, state: &StateGuard<'_, Vgpu>) {
    let position = state.position();
    if device.data().has_features() && device.data().position() != position {
        device.data().set_position(position);
        state.wake(Reason::Event);
        device.wake_poll();
    }
}
