// SPDX-License-Identifier: GPL-2.0

//! The numbers of the protocol, as the device model has them.

#![allow(non_camel_case_types, unreachable_pub, missing_docs, dead_code)]

include!(concat!(env!("OUT_DIR"), "/header.rs"));
