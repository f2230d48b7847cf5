// SPDX-License-Identifier: GPL-2.0

//! Requests that wait, and in which order they go on. Nothing here sleeps or reads the
//! clock: who calls says what time it is.
//!
//! Each pool has a number of places and a line of its own. A request's rank in the line
//! is the moment at which it came, and later by the time of ageing for each level that
//! its priority is below the highest. So one of a higher priority goes before all lower
//! ones that have not waited longer than it by that time, and none waits for ever.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use vgpu::{PoolId, Priority};

use crate::rate::{Rate, Used};

/// The highest level; what is above it is it.
const HIGHEST: u32 = 2;

/// What the operator allows.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Number of requests that are served at once, of the pools that were named.
    pub(crate) pools: BTreeMap<PoolId, NonZeroUsize>,
    /// The same of each other pool.
    pub(crate) others: NonZeroUsize,
    /// How long a request waits to be as good as one of the next higher priority that
    /// comes now.
    pub(crate) ageing: Duration,
    /// How many requests a VM may have served, if there is a limit.
    pub(crate) rate: Option<Rate>,
}

/// Who a request is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Number of the VM.
    pub(crate) vm_id: u32,
    /// Its pool.
    pub(crate) pool: PoolId,
    /// Its priority in the pool.
    pub(crate) priority: Priority,
}

/// Names a request that was put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pool: PoolId,
    rank: Rank,
}

/// The place in a line: lower goes first. The number tells apart what came at once.
type Rank = (Instant, u64);

/// What the queue says when it is asked for the next request.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Is to be served now, and has a place until [`Queue::done`].
    Serve(Waiting<T>),
    /// Has nothing before that time, unless a place gets free or a request comes.
    At(Instant),
    /// Has nothing, unless a place gets free or a request comes.
    Nothing,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// Who it is from.
    pub(crate) origin: Origin,
    /// When it came.
    pub(crate) since: Instant,
    /// What is to be served.
    pub(crate) item: T,
}

/// Counts what a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// Number of places.
    pub(crate) limit: usize,
    /// Number of requests that are served.
    pub(crate) running: usize,
    /// Number of requests that wait, by level from the lowest.
    pub(crate) waiting: [usize; 3],
}

#[derive(Debug)]
struct Pool<T> {
    limit: usize,
    running: usize,
    line: BTreeMap<Rank, Waiting<T>>,
}

/// The lines of all pools.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limits: Limits,
    pools: BTreeMap<PoolId, Pool<T>>,
    used: HashMap<u32, Used>,
    number: u64,
}

impl Limits {
    fn of(&self, pool: PoolId) -> usize {
        self.pools.get(&pool).unwrap_or(&self.others).get()
    }
}

/// Returns the level of a priority, 0 to [`HIGHEST`].
pub(crate) fn level(priority: Priority) -> u32 {
    priority.raw().min(HIGHEST)
}

impl<T> Queue<T> {
    /// Returns one in which nothing waits.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            pools: BTreeMap::new(),
            used: HashMap::new(),
            number: 0,
        }
    }

    /// Puts a request into its pool's line.
    pub(crate) fn push(&mut self, origin: Origin, item: T, now: Instant) -> Ticket {
        self.number += 1;
        let behind = HIGHEST - level(origin.priority);
        let rank = (now + self.limits.ageing * behind, self.number);
        let limit = self.limits.of(origin.pool);
        let pool = self.pools.entry(origin.pool).or_insert_with(|| Pool {
            limit,
            running: 0,
            line: BTreeMap::new(),
        });
        let waiting = Waiting {
            origin,
            since: now,
            item,
        };
        pool.line.insert(rank, waiting);
        Ticket {
            pool: origin.pool,
            rank,
        }
    }

    /// Takes a request back, if it still waits.
    pub(crate) fn cancel(&mut self, ticket: Ticket) -> Option<Waiting<T>> {
        let taken = self.pools.get_mut(&ticket.pool)?.line.remove(&ticket.rank);
        self.forget(ticket.pool);
        taken
    }

    /// Takes all that wait.
    pub(crate) fn drain(&mut self) -> Vec<Waiting<T>> {
        let lines = self.pools.values_mut().map(|pool| &mut pool.line);
        let all = lines.flat_map(|line| std::mem::take(line).into_values());
        let all = all.collect();
        self.pools.retain(|_, pool| pool.running > 0);
        all
    }

    /// Returns what is to be served next.
    pub(crate) fn next(&mut self, now: Instant) -> Next<T> {
        let rate = self.limits.rate;
        let mut later: Option<Instant> = None;
        for pool in self.pools.values_mut() {
            if pool.running >= pool.limit {
                continue;
            }
            let mut allowed = |waiting: &Waiting<T>| {
                let Some(rate) = rate else { return true };
                let used = self.used.get(&waiting.origin.vm_id);
                let at = used.map_or(now, |used| used.allowed(rate, now));
                if at > now {
                    later = Some(later.map_or(at, |it| it.min(at)));
                }
                at <= now
            };
            let first = pool.line.iter().find(|(_, waiting)| allowed(waiting));
            let Some(waiting) = first
                .map(|(rank, _)| *rank)
                .and_then(|rank| pool.line.remove(&rank))
            else {
                continue;
            };
            pool.running += 1;
            if let Some(rate) = rate {
                self.used.retain(|_, used| !used.is_none(now));
                let used = self.used.entry(waiting.origin.vm_id).or_default();
                used.count(rate, now);
            }
            return Next::Serve(waiting);
        }
        later.map_or(Next::Nothing, Next::At)
    }

    /// Gives a place back that [`next`](Self::next) has given to a request of `pool`.
    pub(crate) fn done(&mut self, pool: PoolId) {
        if let Some(it) = self.pools.get_mut(&pool) {
            it.running = it.running.saturating_sub(1);
        }
        self.forget(pool);
    }

    /// Returns what a pool has.
    pub(crate) fn load(&self, pool: PoolId) -> Load {
        let mut load = Load {
            limit: self.limits.of(pool),
            running: 0,
            waiting: [0; 3],
        };
        if let Some(pool) = self.pools.get(&pool) {
            load.running = pool.running;
            for waiting in pool.line.values() {
                // CAST: it is at most 2.
                load.waiting[level(waiting.origin.priority) as usize] += 1;
            }
        }
        load
    }

    /// Returns the pools that were named, and those that have requests.
    pub(crate) fn pools(&self) -> Vec<PoolId> {
        let mut pools: Vec<PoolId> = self.limits.pools.keys().copied().collect();
        pools.extend(self.pools.keys());
        pools.sort_unstable();
        pools.dedup();
        pools
    }

    /// Keeps nothing of a pool that has nothing: a device may name any.
    fn forget(&mut self, pool: PoolId) {
        let empty = |it: &Pool<T>| it.running == 0 && it.line.is_empty();
        if self.pools.get(&pool).is_some_and(empty) {
            self.pools.remove(&pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGEING: Duration = Duration::from_secs(1);

    fn queue(limit: usize, rate: Option<u32>) -> Queue<u32> {
        let count = |count| NonZeroUsize::new(count).unwrap();
        Queue::new(Limits {
            pools: BTreeMap::from([(pool('B'), count(2))]),
            others: count(limit),
            ageing: AGEING,
            rate: rate.map(|rate| Rate::per_second(rate.try_into().unwrap())),
        })
    }

    fn pool(letter: char) -> PoolId {
        PoolId::from_raw(letter.into())
    }

    fn from(vm_id: u32, letter: char, priority: u32) -> Origin {
        Origin {
            vm_id,
            pool: pool(letter),
            priority: Priority::from_raw(priority),
        }
    }

    /// Takes what is served, place by place, until nothing is.
    fn order(queue: &mut Queue<u32>, now: Instant) -> Vec<u32> {
        let mut order = Vec::new();
        while let Next::Serve(served) = queue.next(now) {
            queue.done(served.origin.pool);
            order.push(served.item);
        }
        order
    }

    #[test]
    fn a_higher_priority_goes_first_and_equal_ones_in_their_order() {
        let mut queue = queue(1, None);
        let now = Instant::now();
        for (item, priority) in [(1, 0), (2, 1), (3, 2), (4, 0), (5, 2), (6, 9)] {
            queue.push(from(7, 'A', priority), item, now);
        }
        assert_eq!(order(&mut queue, now), [3, 5, 6, 2, 1, 4]);
        assert!(queue.pools.is_empty());
    }

    #[test]
    fn who_has_waited_for_the_time_of_ageing_goes_before_the_next_higher_priority() {
        let mut queue = queue(1, None);
        let start = Instant::now();
        queue.push(from(1, 'A', 0), 1, start);
        queue.push(from(1, 'A', 1), 2, start + AGEING);
        queue.push(
            from(1, 'A', 2),
            3,
            start + 2 * AGEING - Duration::from_millis(1),
        );
        queue.push(from(1, 'A', 2), 4, start + 2 * AGEING);
        assert_eq!(order(&mut queue, start + 3 * AGEING), [3, 1, 2, 4]);
    }

    #[test]
    fn nobody_starves_beside_a_flood_of_higher_priority() {
        let mut queue = queue(1, None);
        let start = Instant::now();
        queue.push(from(1, 'A', 0), 0, start);
        // Two come for each that is served.
        for step in 1..1000 {
            let now = start + Duration::from_millis(10) * step;
            queue.push(from(2, 'A', 2), step, now);
            queue.push(from(2, 'A', 2), step, now);
            let Next::Serve(served) = queue.next(now) else {
                panic!("nothing was served");
            };
            queue.done(served.origin.pool);
            if served.item == 0 {
                // What came before it, in 2 seconds, was 400; half of it was served.
                assert!((390..=410).contains(&step), "{step}");
                return;
            }
        }
        panic!("it starved");
    }

    #[test]
    fn a_pool_has_its_places_and_no_more() {
        let mut queue = queue(1, None);
        let now = Instant::now();
        for item in 0..4 {
            queue.push(from(1, 'A', 1), item, now);
            queue.push(from(2, 'B', 1), 10 + item, now);
        }
        let mut served = Vec::new();
        while let Next::Serve(next) = queue.next(now) {
            served.push(next.item);
        }
        assert_eq!(served, [0, 10, 11]);
        let load = Load {
            limit: 2,
            running: 2,
            waiting: [0, 2, 0],
        };
        assert_eq!(queue.load(pool('B')), load);
        queue.done(pool('A'));
        assert!(matches!(queue.next(now), Next::Serve(next) if next.item == 1));
        assert!(matches!(queue.next(now), Next::Nothing));
    }

    #[test]
    fn what_is_cancelled_is_not_served() {
        let mut queue = queue(1, None);
        let now = Instant::now();
        let tickets = [1, 2, 3].map(|item| queue.push(from(1, 'A', 1), item, now));
        assert_eq!(queue.cancel(tickets[1]).map(|it| it.item), Some(2));
        assert!(queue.cancel(tickets[1]).is_none());
        assert_eq!(order(&mut queue, now), [1, 3]);
        assert!(queue.cancel(tickets[0]).is_none());
    }

    #[test]
    fn who_is_over_the_rate_waits_and_holds_nobody_up() {
        let mut queue = queue(8, Some(2));
        let now = Instant::now();
        for item in [1, 2, 3, 4] {
            queue.push(from(1, 'A', 2), item, now);
        }
        queue.push(from(2, 'A', 0), 9, now);
        assert_eq!(order(&mut queue, now), [1, 2, 9]);
        let Next::At(at) = queue.next(now) else {
            panic!("it does not say when");
        };
        assert_eq!(at - now, Duration::from_millis(500));
        assert_eq!(order(&mut queue, at), [3]);
        // It is not kept who has asked once.
        let late = at + Duration::from_secs(10);
        assert_eq!(order(&mut queue, late), [4]);
        assert_eq!(queue.used.len(), 1);
    }

    #[test]
    fn all_that_wait_can_be_taken() {
        let mut queue = queue(1, None);
        let now = Instant::now();
        for item in 0..3 {
            queue.push(from(1, 'A', 1), item, now);
        }
        assert!(matches!(queue.next(now), Next::Serve(_)));
        assert_eq!(queue.drain().len(), 2);
        assert_eq!(queue.load(pool('A')).running, 1);
        queue.done(pool('A'));
        assert_eq!(queue.pools(), [pool('B')]);
    }
}
