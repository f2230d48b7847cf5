// SPDX-License-Identifier: GPL-2.0

//! How often something may be done.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A rate: so many a second, and at most that many at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    interval: Duration,
    tolerance: Duration,
}

/// What one of those that have the rate has used of it: the generic cell rate algorithm,
/// which needs no timer and one number only.
#[derive(Debug, Default)]
pub(crate) struct Used(Option<Instant>);

impl Rate {
    /// Returns the rate of `count` a second.
    pub(crate) fn per_second(count: NonZeroU32) -> Self {
        let interval = Duration::from_secs(1) / count.get();
        Self {
            interval,
            tolerance: interval * (count.get() - 1),
        }
    }
}

impl Used {
    /// Returns when the next one is allowed, at `now` or later.
    pub(crate) fn allowed(&self, rate: Rate, now: Instant) -> Instant {
        self.0
            .and_then(|full| full.checked_sub(rate.tolerance))
            .map_or(now, |allowed| allowed.max(now))
    }

    /// Counts one, at `now`.
    pub(crate) fn count(&mut self, rate: Rate, now: Instant) {
        self.0 = Some(self.0.map_or(now, |full| full.max(now)) + rate.interval);
    }

    /// Tells whether nothing is counted at `now` any more.
    pub(crate) fn is_none(&self, now: Instant) -> bool {
        self.0.is_none_or(|full| full <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(count: u32) -> Rate {
        Rate::per_second(NonZeroU32::new(count).unwrap())
    }

    #[test]
    fn a_second_has_so_many_and_not_one_more() {
        for count in [1, 2, 10, 1000] {
            let rate = rate(count);
            let start = Instant::now();
            let mut used = Used::default();
            for _ in 0..count {
                assert_eq!(used.allowed(rate, start), start);
                used.count(rate, start);
            }
            let next = used.allowed(rate, start);
            assert_eq!(next - start, Duration::from_secs(1) / count);
        }
    }

    #[test]
    fn who_has_waited_has_used_nothing() {
        let rate = rate(5);
        let start = Instant::now();
        let mut used = Used::default();
        used.count(rate, start);
        assert!(!used.is_none(start));
        assert!(used.is_none(start + Duration::from_millis(200)));
    }
}
