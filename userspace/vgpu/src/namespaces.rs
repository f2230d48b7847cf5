// SPDX-License-Identifier: MIT OR Apache-2.0

//! Network namespaces, in some of which the kernel announces devices.
//!
//! Since Linux 4.18 it does so in those network namespaces that the initial user
//! namespace owns, whichever user namespace a process in one of them is in.

use std::fs::File;
use std::path::Path;

use rustix::fs::fstat;

use crate::sys;

/// The inode number of the initial user namespace (`PROC_USER_INIT_INO` in
/// linux/proc_ns.h).
const INITIAL_USER_NAMESPACE: u64 = 0xeffffffd;

/// A setting of the initial network namespace, which no other one has.
const INITIAL_NETWORK: &str = "/proc/sys/net/core/netdev_budget";

/// Tells whether uevents arrive in the network namespace of this process; `false`
/// if that cannot be found out.
pub(crate) fn hear_of_devices() -> bool {
    let Ok(network) = File::open("/proc/self/ns/net") else {
        return false;
    };
    match sys::owner_of(&network) {
        Ok(owner) => fstat(&owner).is_ok_and(|it| it.st_ino == INITIAL_USER_NAMESPACE),
        Err(error) => match error.raw_os_error() {
            // Before Linux 4.9, all network namespaces hear of devices.
            Some(libc::ENOTTY) => true,
            // The owner is outside of this user namespace. The initial network
            // has one owner only; whose another one is, the kernel does not say.
            _ => Path::new(INITIAL_NETWORK).exists(),
        },
    }
}
