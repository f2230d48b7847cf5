// SPDX-License-Identifier: GPL-2.0

//! The registers of BAR0.

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

    /// State of the last command. 0 after reset.
    pub(crate) STATUS(u32) @ 0x004 {
        /// A command was received and is done.
        0:0 done => bool;
        /// Revision 2: it was accepted and is not done.
        1:1 busy => bool;
        /// Revision 2: another one came meanwhile and was ignored.
        2:2 dropped => bool;
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

    /// Features beyond revision 1, which has neither this register nor any of the next.
    pub(crate) FEATURES(u32) @ 0x014 {
        /// Interrupts.
        0:0 irq => bool;
        /// Commands that take their time.
        1:1 asynchronous => bool;
        /// An identity that the host may change.
        2:2 live_config => bool;
        /// Messages to the host.
        3:3 messages => bool;
    }

    /// Pending interrupts; writing a bit clears it.
    pub(crate) IRQ_STATUS(u32) @ 0x018 {
        /// Bits of `VGPU_IRQ_*`.
        31:0 bits;
    }

    /// Enabled interrupts. 0 after reset.
    pub(crate) IRQ_ENABLE(u32) @ 0x01c {
        /// Bits of `VGPU_IRQ_*`.
        31:0 bits;
    }

    /// Number of commands that were accepted since reset, wraps.
    pub(crate) SUBMITTED(u32) @ 0x020 {
        /// The number.
        31:0 value;
    }

    /// Number of commands that were completed since reset, wraps.
    pub(crate) COMPLETED(u32) @ 0x024 {
        /// The number.
        31:0 value;
    }

    /// Result of the last command that was completed.
    pub(crate) RESULT(u32) @ 0x028 {
        /// 0 is success.
        31:0 value;
    }

    /// Number of changes of the identity, wraps.
    pub(crate) CONFIG_GENERATION(u32) @ 0x02c {
        /// The number.
        31:0 value;
    }

    /// Layout of the window of messages. Revision 3 has it, and all of the next.
    pub(crate) MSG_LAYOUT(u32) @ 0x030 {
        /// Number of slots.
        7:0 slots;
        /// Base 2 logarithm of a slot's size.
        15:8 slot_shift;
    }

    /// Low half of the window's bus address. 0 after reset.
    pub(crate) MSG_BASE_LOW(u32) @ 0x034 {
        /// The bits.
        31:0 value;
    }

    /// High half of it. 0 after reset.
    pub(crate) MSG_BASE_HIGH(u32) @ 0x038 {
        /// The bits.
        31:0 value;
    }

    /// Control of messages. 0 after reset.
    pub(crate) MSG_CONTROL(u32) @ 0x03c {
        /// Messages are enabled; reads back 0 if the window is refused.
        0:0 enable => bool;
    }

    /// The doorbell of the slots: gives one to the device.
    pub(crate) MSG_DOORBELL(u32) @ 0x040 {
        /// Number of the slot.
        31:0 value;
    }

    /// The slots that belong to the device.
    pub(crate) MSG_ACTIVE(u32) @ 0x044 {
        /// A bit for each.
        31:0 bits;
    }

    /// The slots that the device has given back; writing a bit clears it.
    pub(crate) MSG_DONE(u32) @ 0x048 {
        /// A bit for each.
        31:0 bits;
    }

    /// Takes slots back from the device.
    pub(crate) MSG_CANCEL(u32) @ 0x04c {
        /// A bit for each.
        31:0 bits;
    }

    /// Status of messages.
    pub(crate) MSG_STATUS(u32) @ 0x050 {
        /// Somebody on the host answers messages.
        0:0 link => bool;
        /// The window was refused, or is not in memory.
        1:1 fault => bool;
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
    FEATURES == VGPU_REG_FEATURES,
    IRQ_STATUS == VGPU_REG_IRQ_STATUS,
    IRQ_ENABLE == VGPU_REG_IRQ_ENABLE,
    SUBMITTED == VGPU_REG_SUBMITTED,
    COMPLETED == VGPU_REG_COMPLETED,
    RESULT == VGPU_REG_RESULT,
    CONFIG_GENERATION == VGPU_REG_CONFIG_GENERATION,
    MSG_LAYOUT == VGPU_REG_MSG_LAYOUT,
    MSG_BASE_LOW == VGPU_REG_MSG_BASE_LOW,
    MSG_BASE_HIGH == VGPU_REG_MSG_BASE_HIGH,
    MSG_CONTROL == VGPU_REG_MSG_CONTROL,
    MSG_DOORBELL == VGPU_REG_MSG_DOORBELL,
    MSG_ACTIVE == VGPU_REG_MSG_ACTIVE,
    MSG_DONE == VGPU_REG_MSG_DONE,
    MSG_CANCEL == VGPU_REG_MSG_CANCEL,
    MSG_STATUS == VGPU_REG_MSG_STATUS,
}

static_assert!(1 << *STATUS::DONE_RANGE.start() == uapi::VGPU_STATUS_DONE);
static_assert!(1 << *STATUS::BUSY_RANGE.start() == uapi::VGPU_STATUS_BUSY);
static_assert!(1 << *STATUS::DROPPED_RANGE.start() == uapi::VGPU_STATUS_DROPPED);
static_assert!(1 << *FEATURES::IRQ_RANGE.start() == uapi::VGPU_FEATURE_IRQ);
static_assert!(1 << *FEATURES::ASYNCHRONOUS_RANGE.start() == uapi::VGPU_FEATURE_ASYNC);
static_assert!(1 << *FEATURES::LIVE_CONFIG_RANGE.start() == uapi::VGPU_FEATURE_LIVE_CONFIG);
static_assert!(1 << *FEATURES::MESSAGES_RANGE.start() == uapi::VGPU_FEATURE_MESSAGES);
static_assert!(0xff << *MSG_LAYOUT::SLOTS_RANGE.start() == uapi::VGPU_MSG_LAYOUT_SLOTS);
static_assert!(0xff << *MSG_LAYOUT::SLOT_SHIFT_RANGE.start() == uapi::VGPU_MSG_LAYOUT_SLOT_SHIFT);
static_assert!(1 << *MSG_CONTROL::ENABLE_RANGE.start() == uapi::VGPU_MSG_CONTROL_ENABLE);
static_assert!(1 << *MSG_STATUS::LINK_RANGE.start() == uapi::VGPU_MSG_STATUS_LINK);
static_assert!(1 << *MSG_STATUS::FAULT_RANGE.start() == uapi::VGPU_MSG_STATUS_FAULT);

// `identity` has no kernel in it, and so no contract: these are the numbers it knows.
static_assert!(uapi::VGPU_PRIORITY_LOW == 0);
static_assert!(uapi::VGPU_PRIORITY_MEDIUM == 1);
static_assert!(uapi::VGPU_PRIORITY_HIGH == 2);
