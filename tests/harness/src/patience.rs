// SPDX-License-Identifier: GPL-2.0

//! How long things may take in a guest whose kernel watches over itself.

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

/// A time that is right for Debian's kernel, for the kernel of this run's guests.
///
/// `VGPU_SLOWNESS` is how many times as long everything takes there; scripts/guest-env
/// sets it.
#[must_use]
pub fn scaled(time: Duration) -> Duration {
    static SLOWNESS: OnceLock<u32> = OnceLock::new();
    let slowness = SLOWNESS.get_or_init(|| factor(env::var("VGPU_SLOWNESS").ok().as_deref()));
    time.saturating_mul(*slowness)
}

fn factor(value: Option<&str>) -> u32 {
    value
        .and_then(|value| value.parse().ok())
        .filter(|factor| *factor > 0)
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_nothing_is_said_of_is_not_slow() {
        assert_eq!(factor(None), 1);
        assert_eq!(factor(Some("")), 1);
        assert_eq!(factor(Some("0")), 1);
        assert_eq!(factor(Some("6")), 6);
    }
}
