// SPDX-License-Identifier: GPL-2.0

//! Tests of the hook as xenopsd meets it: its arguments, xenstore, the stock
//! wrapper that it becomes, and what it leaves in the log.

mod arguments;
mod dom0;
mod failures;
mod hostile;
mod property;
mod store;
mod values;
#[path = "../common/xenstored.rs"]
mod xenstored;
