// SPDX-License-Identifier: GPL-2.0

//! What a device model of revision 1 must do, one module per subject.

mod access_sizes;
mod config_space;
mod guest_errors;
mod hotplug;
mod migration;
mod properties;
mod random;
mod registers;
mod reset;
