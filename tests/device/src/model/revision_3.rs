// SPDX-License-Identifier: GPL-2.0

//! What revision 3 has beyond revision 2, as far as no message is sent.

use vgpu::uapi::*;

const WINDOW_SIZE: u64 = (VGPU_MSG_SLOTS as u64) << VGPU_MSG_SLOT_SHIFT;

/// Where messages are, and whether they are enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision3 {
    /// Values of `MSG_BASE_LOW` and `MSG_BASE_HIGH`.
    pub base: u64,
    /// Value of `MSG_CONTROL`.
    pub enabled: bool,
    /// Of `MSG_STATUS`.
    pub fault: bool,
}

impl Revision3 {
    pub(super) fn register(&self, at: u32) -> u32 {
        let half = |shift: u32| u32::try_from((self.base >> shift) & 0xffff_ffff);
        match at {
            VGPU_REG_MSG_LAYOUT => VGPU_MSG_SLOTS | (VGPU_MSG_SLOT_SHIFT << 8),
            VGPU_REG_MSG_BASE_LOW => half(0).expect("32 bits"),
            VGPU_REG_MSG_BASE_HIGH => half(32).expect("32 bits"),
            VGPU_REG_MSG_CONTROL => u32::from(self.enabled) * VGPU_MSG_CONTROL_ENABLE,
            VGPU_REG_MSG_STATUS => u32::from(self.fault) * VGPU_MSG_STATUS_FAULT,
            _ => 0,
        }
    }

    pub(super) fn set_register(&mut self, at: u32, value: u32) {
        let value = u64::from(value);
        match at {
            VGPU_REG_MSG_BASE_LOW if !self.enabled => {
                self.base = (self.base & !0xffff_ffff) | value;
            }
            VGPU_REG_MSG_BASE_HIGH if !self.enabled => {
                self.base = (self.base & 0xffff_ffff) | (value << 32);
            }
            VGPU_REG_MSG_CONTROL => self.control(value & 1 != 0),
            _ => {}
        }
    }

    fn control(&mut self, enable: bool) {
        let aligned = self.base % u64::from(VGPU_MSG_WINDOW_ALIGN) == 0;
        let fits = self.base.checked_add(WINDOW_SIZE - 1).is_some();
        self.fault = enable && !(aligned && fits);
        self.enabled = enable && !self.fault;
    }
}
