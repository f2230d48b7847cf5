// SPDX-License-Identifier: GPL-2.0

//! Tests of what vgpu-host does with the spec of QEMU's package.

mod apply;
mod cut;
mod package;
mod property;
mod refuse;
mod released;
#[path = "../common/released.rs"]
mod releases;
