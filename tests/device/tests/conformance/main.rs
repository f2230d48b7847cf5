// SPDX-License-Identifier: GPL-2.0

//! What a device model must do, one module per subject: that of revision 1, and what
//! revision 2 has beyond it.

mod access_sizes;
mod config_space;
mod guest_errors;
mod hotplug;
mod migration;
mod properties;
mod random;
mod registers;
mod reset;
mod revision_2;
mod revision_3;
mod slots;
