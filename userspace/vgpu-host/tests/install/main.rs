// SPDX-License-Identifier: GPL-2.0

//! Tests of install, uninstall and status on trees of a dom0's files.

mod changed;
mod dom0;
mod killed;
mod refused;
mod whole;
mod wrappers;
