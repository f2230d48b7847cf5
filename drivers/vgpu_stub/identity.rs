// SPDX-License-Identifier: GPL-2.0

//! What the identity registers mean.
//!
//! No kernel in here: the same file is tested on the build machine, with the vectors that the
//! library is tested with.

use core::fmt;

/// The raw values of the identity registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// ASCII code of the pool's letter.
    pub(crate) pool_id: u32,
    /// 0 low, 1 medium, 2 high.
    pub(crate) priority: u32,
    /// The id of the virtual machine.
    pub(crate) vm_id: u32,
}

impl Identity {
    /// The pool's letter, if it is one that can be shown: an ASCII letter or digit.
    pub(crate) fn pool_letter(&self) -> Option<char> {
        char::from_u32(self.pool_id).filter(char::is_ascii_alphanumeric)
    }

    /// The priority's name, if it has one.
    pub(crate) fn priority_name(&self) -> Option<&'static str> {
        match self.priority {
            0 => Some("low"),
            1 => Some("medium"),
            2 => Some("high"),
            _ => None,
        }
    }

    /// Writes the pool: its letter, else its number as `0xNN`.
    pub(crate) fn write_pool_id(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self.pool_letter() {
            Some(letter) => out.write_char(letter),
            None => write!(out, "{:#04x}", self.pool_id),
        }
    }

    /// Writes the priority: its name, else its number.
    pub(crate) fn write_priority(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self.priority_name() {
            Some(name) => out.write_str(name),
            None => write!(out, "{}", self.priority),
        }
    }

    /// Writes the id of the virtual machine.
    pub(crate) fn write_vm_id(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "{}", self.vm_id)
    }
}
