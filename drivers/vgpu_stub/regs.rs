// SPDX-License-Identifier: GPL-2.0

//! The registers of BAR0, revision 1.

use kernel::{
    io::{
        register,
        register::Register, //
    },
    prelude::*, //
};

use crate::uapi;

register! {
    /// The last command written; writing submits it. 0 after reset.
    pub(crate) COMMAND(u32) @ 0x000 {
        /// The command.
        31:0 value;
    }

    /// What became of the last command. 0 after reset.
    pub(crate) STATUS(u32) @ 0x004 {
        /// A command was received and is done.
        0:0 done => bool;
    }

    /// The pool that the virtual machine has a share of.
    pub(crate) POOL_ID(u32) @ 0x008 {
        /// ASCII code of the pool's letter.
        31:0 value;
    }

    /// The priority of the virtual machine in its pool.
    pub(crate) PRIORITY(u32) @ 0x00c {
        /// 0 low, 1 medium, 2 high.
        31:0 value;
    }

    /// The id of the virtual machine.
    pub(crate) VM_ID(u32) @ 0x010 {
        /// The id.
        31:0 value;
    }
}

// The macro takes literals only; this keeps them to those of the contract.
macro_rules! assert_offsets {
    ($($register:ident == $offset:ident),+ $(,)?) => {
        // CAST: Small constants.
        $(static_assert!($register::OFFSET == uapi::$offset as usize);)+
    };
}

assert_offsets! {
    COMMAND == VGPU_REG_COMMAND,
    STATUS == VGPU_REG_STATUS,
    POOL_ID == VGPU_REG_POOL_ID,
    PRIORITY == VGPU_REG_PRIORITY,
    VM_ID == VGPU_REG_VM_ID,
}

static_assert!(1 << *STATUS::DONE_RANGE.start() == uapi::VGPU_STATUS_DONE);

// `identity` has no kernel in it, and so no contract: these are the numbers it knows.
static_assert!(uapi::VGPU_PRIORITY_LOW == 0);
static_assert!(uapi::VGPU_PRIORITY_MEDIUM == 1);
static_assert!(uapi::VGPU_PRIORITY_HIGH == 2);
