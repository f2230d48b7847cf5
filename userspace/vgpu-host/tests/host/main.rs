// SPDX-License-Identifier: GPL-2.0

//! Tests of vgpu-host on a host of stand-ins: for xe, rpm, QEMU and its QMP.

mod attach;
mod bare;
mod describe;
mod guard;
mod host;
mod list;
mod plugin;
mod pool;
mod qemu;
mod released;
#[path = "../common/released.rs"]
mod releases;
mod set;
mod uninstall;
mod verify;
mod window;
#[path = "../common/xenstored.rs"]
mod xenstored;
