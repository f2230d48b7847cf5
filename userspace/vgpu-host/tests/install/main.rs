// SPDX-License-Identifier: GPL-2.0

//! Tests of install, uninstall and status on trees of a dom0's files.

mod changed;
mod dom0;
// A release does not die to order.
#[cfg(debug_assertions)]
mod killed;
mod links;
mod refused;
mod released;
#[path = "../common/released.rs"]
mod releases;
mod whole;
mod wrappers;
mod xenopsd;
