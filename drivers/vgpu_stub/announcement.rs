// SPDX-License-Identifier: GPL-2.0

//! Announcing that the identity has changed: by poll(2) on the attributes, and by a uevent.

use kernel::prelude::*;

use crate::{
    class::Guard,
    identity::Identity,
    vgpu::Vgpu, //
};

/// The attributes that a change is announced on.
pub(crate) const POOL_ID: &CStr = c"pool_id";
pub(crate) const PRIORITY: &CStr = c"priority";
pub(crate) const VM_ID: &CStr = c"vm_id";
pub(crate) const CONFIG_GENERATION: &CStr = c"config_generation";

/// Wakes up those who poll an attribute that has changed, and sends a uevent. May sleep.
pub(crate) fn send(guard: &Guard<'_, Vgpu>, before: &Identity, now: &Identity) {
    for (name, has_changed) in [
        (POOL_ID, before.pool_id != now.pool_id),
        (PRIORITY, before.priority != now.priority),
        (VM_ID, before.vm_id != now.vm_id),
        (CONFIG_GENERATION, true),
    ] {
        if has_changed {
            guard.notify_attribute(name);
        }
    }
    guard.announce_change();
}
