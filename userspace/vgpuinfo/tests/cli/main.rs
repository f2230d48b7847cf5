// SPDX-License-Identifier: GPL-2.0

//! Tests of the command as its users meet it: its arguments, what it prints and
//! its exit code, on trees that look like a guest's /sys and /dev.

mod bundling;
mod calling;
mod checking;
mod command;
mod conventions;
mod describing;
mod formats;
mod get;
mod guest;
mod list;
mod publishing;
mod schema;
mod waiting;
mod watching;
