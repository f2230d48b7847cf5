// SPDX-License-Identifier: GPL-2.0

//! The contract, `include/uapi/linux/vgpu_stub.h`.
//!
//! Made of it by bindgen; do not edit.

#![expect(non_camel_case_types, unreachable_pub)]
#![allow(dead_code)]

use kernel::prelude::*;
use zerocopy_derive::Immutable;

pub const VGPU_PCI_VENDOR_ID: u32 = 6900;
pub const VGPU_PCI_DEVICE_ID: u32 = 4369;
pub const VGPU_PCI_SUBSYSTEM_VENDOR_ID: u32 = 6900;
pub const VGPU_PCI_SUBSYSTEM_ID: u32 = 4352;
pub const VGPU_PCI_CLASS: u32 = 4608;
pub const VGPU_PCI_REVISION_1: u32 = 1;
pub const VGPU_PCI_REVISION_2: u32 = 2;
pub const VGPU_PCI_REVISION_3: u32 = 3;
pub const VGPU_BAR0_SIZE: u32 = 4096;
pub const VGPU_REG_COMMAND: u32 = 0;
pub const VGPU_REG_STATUS: u32 = 4;
pub const VGPU_REG_POOL_ID: u32 = 8;
pub const VGPU_REG_PRIORITY: u32 = 12;
pub const VGPU_REG_VM_ID: u32 = 16;
pub const VGPU_REG_RESERVED: u32 = 20;
pub const VGPU_REG_FEATURES: u32 = 20;
pub const VGPU_REG_IRQ_STATUS: u32 = 24;
pub const VGPU_REG_IRQ_ENABLE: u32 = 28;
pub const VGPU_REG_SUBMITTED: u32 = 32;
pub const VGPU_REG_COMPLETED: u32 = 36;
pub const VGPU_REG_RESULT: u32 = 40;
pub const VGPU_REG_CONFIG_GENERATION: u32 = 44;
pub const VGPU_REG_RESERVED_2: u32 = 48;
pub const VGPU_REG_MSG_LAYOUT: u32 = 48;
pub const VGPU_REG_MSG_BASE_LOW: u32 = 52;
pub const VGPU_REG_MSG_BASE_HIGH: u32 = 56;
pub const VGPU_REG_MSG_CONTROL: u32 = 60;
pub const VGPU_REG_MSG_DOORBELL: u32 = 64;
pub const VGPU_REG_MSG_ACTIVE: u32 = 68;
pub const VGPU_REG_MSG_DONE: u32 = 72;
pub const VGPU_REG_MSG_CANCEL: u32 = 76;
pub const VGPU_REG_MSG_STATUS: u32 = 80;
pub const VGPU_REG_RESERVED_3: u32 = 84;
pub const VGPU_STATUS_DONE: u32 = 1;
pub const VGPU_STATUS_BUSY: u32 = 2;
pub const VGPU_STATUS_DROPPED: u32 = 4;
pub const VGPU_FEATURE_IRQ: u32 = 1;
pub const VGPU_FEATURE_ASYNC: u32 = 2;
pub const VGPU_FEATURE_LIVE_CONFIG: u32 = 4;
pub const VGPU_FEATURE_MESSAGES: u32 = 8;
pub const VGPU_IRQ_COMMAND_DONE: u32 = 1;
pub const VGPU_IRQ_CONFIG_CHANGED: u32 = 2;
pub const VGPU_IRQ_MESSAGE_DONE: u32 = 4;
pub const VGPU_MSIX_COMMAND_DONE: u32 = 0;
pub const VGPU_MSIX_CONFIG_CHANGED: u32 = 1;
pub const VGPU_MSIX_VECTORS: u32 = 2;
pub const VGPU_MSIX_MESSAGE_DONE: u32 = 2;
pub const VGPU_MSIX_VECTORS_3: u32 = 3;
pub const VGPU_MSG_LAYOUT_SLOTS: u32 = 255;
pub const VGPU_MSG_LAYOUT_SLOT_SHIFT: u32 = 65280;
pub const VGPU_MSG_SLOTS_MAX: u32 = 32;
pub const VGPU_MSG_WINDOW_ALIGN: u32 = 4096;
pub const VGPU_MSG_SLOTS: u32 = 8;
pub const VGPU_MSG_SLOT_SHIFT: u32 = 13;
pub const VGPU_MSG_IN_OFFSET: u32 = 64;
pub const VGPU_MSG_IN_MAX: u32 = 4032;
pub const VGPU_MSG_OUT_OFFSET: u32 = 4096;
pub const VGPU_MSG_OUT_MAX: u32 = 4096;
pub const VGPU_MSG_CONTROL_ENABLE: u32 = 1;
pub const VGPU_MSG_STATUS_LINK: u32 = 1;
pub const VGPU_MSG_STATUS_FAULT: u32 = 2;
pub const VGPU_MSG_STATE_PENDING: u32 = 1;
pub const VGPU_MSG_STATE_ANSWERED: u32 = 2;
pub const VGPU_MSG_STATE_NOT_CONNECTED: u32 = 3;
pub const VGPU_MSG_STATE_INVALID: u32 = 4;
pub const VGPU_MSG_STATE_LOST: u32 = 5;
pub const VGPU_POOL_ID_A: u32 = 65;
pub const VGPU_POOL_ID_B: u32 = 66;
pub const VGPU_PRIORITY_LOW: u32 = 0;
pub const VGPU_PRIORITY_MEDIUM: u32 = 1;
pub const VGPU_PRIORITY_HIGH: u32 = 2;
pub const VGPU_REG_GONE: u32 = 4294967295;
pub const VGPU_TIMEOUT_DEFAULT_MS: u32 = 5000;
pub const VGPU_TIMEOUT_MAX_MS: u32 = 600000;
pub const VGPU_EVENT_CONFIG_CHANGED: u32 = 1;
pub const VGPU_EVENT_COMMAND_DONE: u32 = 2;
pub const VGPU_IOC_MAGIC: u32 = 225;
pub const VGPU_IOC_NR_GET_INFO: u32 = 0;
pub const VGPU_IOC_NR_SUBMIT: u32 = 1;
pub const VGPU_IOC_NR_CALL: u32 = 2;
pub type __u32 = ::kernel::ffi::c_uint;
pub type __u64 = ::kernel::ffi::c_ulonglong;
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, FromBytes, Immutable, IntoBytes)]
pub struct vgpu_msg_header {
    pub in_len: __u32,
    pub flags: __u32,
    pub out_len: __u32,
    pub status: __u32,
    pub state: __u32,
    pub reserved: [__u32; 11usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, FromBytes, Immutable, IntoBytes)]
pub struct vgpu_info {
    pub revision: __u32,
    pub features: __u32,
    pub pool_id: __u32,
    pub priority: __u32,
    pub vm_id: __u32,
    pub command: __u32,
    pub status: __u32,
    pub config_generation: __u32,
    pub reserved: [__u32; 8usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, FromBytes, Immutable, IntoBytes)]
pub struct vgpu_submit {
    pub command: __u32,
    pub timeout_ms: __u32,
    pub flags: __u32,
    pub status: __u32,
    pub result: __u32,
    pub sequence: __u32,
    pub reserved: [__u32; 2usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, FromBytes, Immutable, IntoBytes)]
pub struct vgpu_call {
    pub in_addr: __u64,
    pub out_addr: __u64,
    pub in_len: __u32,
    pub out_len: __u32,
    pub timeout_ms: __u32,
    pub flags: __u32,
    pub status: __u32,
    pub reserved: [__u32; 3usize],
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone, FromBytes, Immutable, IntoBytes)]
pub struct vgpu_event {
    pub type_: __u32,
    pub count: __u32,
    pub value: __u32,
    pub reserved: __u32,
}

static_assert!(size_of::<vgpu_info>() == 64);
static_assert!(size_of::<vgpu_submit>() == 32);
static_assert!(size_of::<vgpu_call>() == 48);
static_assert!(size_of::<vgpu_msg_header>() == VGPU_MSG_IN_OFFSET as usize);
