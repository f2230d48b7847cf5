// SPDX-License-Identifier: GPL-2.0

//! The time of day, for people.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives `time` as HH:MM:SS in the zone of `TZ` or `/etc/localtime`, as the C library
/// finds it: a library of Rust's for that would make each start of the program slower.
pub fn time_of_day(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = libc::time_t::try_from(since.as_secs()).unwrap_or(libc::time_t::MAX);
    let mut parts = MaybeUninit::uninit();
    // SAFETY: both point to variables of this function, and nobody changes the
    // environment meanwhile: the program does not.
    let parts = match unsafe { libc::localtime_r(&seconds, parts.as_mut_ptr()) }.is_null() {
        // The year does not fit.
        true => return "--:--:--".into(),
        // SAFETY: the call has succeeded, and written all of it.
        false => unsafe { parts.assume_init() },
    };
    format!(
        "{:02}:{:02}:{:02}",
        parts.tm_hour, parts.tm_min, parts.tm_sec
    )
}
