// SPDX-License-Identifier: GPL-2.0

//! What whoever calls a test may set.

use std::env;
use std::fmt::Display;
use std::str::FromStr;

/// Returns a number that the environment may give.
///
/// # Panics
///
/// When it gives something else.
pub fn number<T: FromStr<Err: Display>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|e| panic!("{name} is not a number: {text:?}: {e}"))
    })
}
