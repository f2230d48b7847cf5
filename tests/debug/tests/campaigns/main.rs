// SPDX-License-Identifier: GPL-2.0

//! What only a kernel with KASAN, lockdep, kmemleak and fault injection can judge.
//! Every guest fails when its kernel complains or has lost memory.

mod cycles;
mod faults;
mod fuzz;
mod storms;

/// A number that the environment may ask for in place of `default`: how often, or for
/// how long.
///
/// # Errors
///
/// The variable holds no number.
pub(crate) fn number(variable: &str, default: u32) -> anyhow::Result<u32> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .map_err(|_| anyhow::anyhow!("{variable} must be a number, got '{text}'")),
        Err(_) => Ok(default),
    }
}
