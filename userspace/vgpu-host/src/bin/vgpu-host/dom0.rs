// SPDX-License-Identifier: GPL-2.0

//! What a host has, and how it is reached: its files, the toolstack, other members of the
//! pool, and the device models of its VMs.

pub(crate) mod record;
pub(crate) mod remote;
pub(crate) mod replace;
pub(crate) mod resident;
pub(crate) mod running;
pub(crate) mod script;
pub(crate) mod tree;
pub(crate) mod vm;
pub(crate) mod wrapper;
pub(crate) mod xe;
pub(crate) mod xenopsd;
pub(crate) mod xmlrpc;
