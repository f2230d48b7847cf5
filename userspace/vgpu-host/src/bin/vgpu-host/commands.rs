// SPDX-License-Identifier: GPL-2.0

//! The subcommands, a module each, and what several of them share.

pub(crate) mod attach;
pub(crate) mod describe;
pub(crate) mod guard;
pub(crate) mod install;
mod installed;
pub(crate) mod list;
pub(crate) mod plugin;
pub(crate) mod pool;
pub(crate) mod set;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod uninstall;
pub(crate) mod verify;
