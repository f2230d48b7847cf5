// SPDX-License-Identifier: GPL-2.0

//! Decoding the identity registers.
//!
//! No kernel in here: the same file is tested on the build machine, with the vectors that the
//! library is tested with.

use core::fmt;

/// One part of an identity.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    PoolId,
    Priority,
    VmId,
}

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

    /// Returns the raw value of one part, to be changed.
    pub(crate) fn part_mut(&mut self, part: Part) -> &mut u32 {
        match part {
            Part::PoolId => &mut self.pool_id,
            Part::Priority => &mut self.priority,
            Part::VmId => &mut self.vm_id,
        }
    }

    /// Writes one part: the pool's letter, else its number as `0xNN`; the priority's name, else its
    /// number; the id of the virtual machine.
    pub(crate) fn write(&self, part: Part, out: &mut dyn fmt::Write) -> fmt::Result {
        let number = match part {
            Part::PoolId => match self.pool_letter() {
                Some(letter) => return out.write_char(letter),
                None => return write!(out, "{:#04x}", self.pool_id),
            },
            Part::Priority => match self.priority_name() {
                Some(name) => return out.write_str(name),
                None => self.priority,
            },
            Part::VmId => self.vm_id,
        };
        write!(out, "{number}")
    }
}
