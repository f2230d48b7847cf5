// SPDX-License-Identifier: GPL-2.0

//! Numbers for Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use vgpu::PoolId;

use crate::handler::LEVELS;
use crate::queue::{Load, Origin, level};

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It was answered with status 0.
    Ok,
    /// It was answered with another status.
    Failed,
    /// The guest has taken it back, or has gone.
    Cancelled,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InPool {
    pool: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AtLevel {
    pool: String,
    priority: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    pool: String,
    priority: &'static str,
    outcome: &'static str,
}

/// All of them, by names that are ABI.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Ended, Counter>,
    waited: Family<AtLevel, Histogram>,
    served: Family<InPool, Histogram>,
    waiting: Family<AtLevel, Gauge>,
    running: Family<InPool, Gauge>,
    limit: Family<InPool, Gauge>,
    connections: Gauge,
    malformed: Counter,
}

impl Metrics {
    /// Returns them before anything has happened.
    pub(crate) fn new() -> Self {
        // From a millisecond to half a minute.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let mut it = Self {
            registry: Registry::with_prefix("vgpu_pool"),
            requests: Family::default(),
            waited: Family::new_with_constructor(seconds),
            served: Family::new_with_constructor(seconds),
            waiting: Family::default(),
            running: Family::default(),
            limit: Family::default(),
            connections: Gauge::default(),
            malformed: Counter::default(),
        };
        let registry = &mut it.registry;
        registry.register(
            "requests",
            "Requests that have ended, by outcome: ok, failed or cancelled",
            it.requests.clone(),
        );
        registry.register_with_unit(
            "wait",
            "How long requests have waited for a place",
            Unit::Seconds,
            it.waited.clone(),
        );
        registry.register_with_unit(
            "serve",
            "How long requests have been served",
            Unit::Seconds,
            it.served.clone(),
        );
        registry.register("waiting", "Requests that wait", it.waiting.clone());
        registry.register("running", "Requests that are served", it.running.clone());
        registry.register(
            "limit",
            "Requests of a pool that are served at once",
            it.limit.clone(),
        );
        registry.register(
            "connections",
            "Devices that are connected and have said who they are",
            it.connections.clone(),
        );
        registry.register(
            "malformed",
            "Connections that were closed for what they sent",
            it.malformed.clone(),
        );
        it
    }

    /// Counts a request that has ended.
    pub(crate) fn ended(&self, origin: Origin, outcome: Outcome) {
        let AtLevel { pool, priority } = at(origin);
        let outcome = match outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        };
        self.requests
            .get_or_create(&Ended {
                pool,
                priority,
                outcome,
            })
            .inc();
    }

    /// Counts how long a request has waited.
    pub(crate) fn waited(&self, origin: Origin, time: Duration) {
        self.waited
            .get_or_create(&at(origin))
            .observe(time.as_secs_f64());
    }

    /// Counts how long a request was served.
    pub(crate) fn served(&self, origin: Origin, time: Duration) {
        self.served
            .get_or_create(&InPool {
                pool: origin.pool.to_string(),
            })
            .observe(time.as_secs_f64());
    }

    /// Counts a connection as long as what it returns is kept.
    pub(crate) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// Counts a connection that was closed for what it sent.
    pub(crate) fn malformed(&self) {
        self.malformed.inc();
    }

    /// Writes all of them, with the loads as they are.
    ///
    /// # Errors
    /// None that a string has.
    pub(crate) fn text(&self, loads: &[(PoolId, Load)]) -> Result<String, fmt::Error> {
        // A pool that has nothing any more has no number either.
        self.waiting.clear();
        self.running.clear();
        self.limit.clear();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (pool, load) in loads {
            let pool = pool.to_string();
            let in_pool = InPool { pool: pool.clone() };
            self.limit.get_or_create(&in_pool).set(number(load.limit));
            self.running
                .get_or_create(&in_pool)
                .set(number(load.running));
            for (priority, count) in LEVELS.into_iter().zip(load.waiting) {
                let at = AtLevel {
                    pool: pool.clone(),
                    priority,
                };
                self.waiting.get_or_create(&at).set(number(count));
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts a connection while it is there.
#[derive(Debug)]
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn at(origin: Origin) -> AtLevel {
    // CAST: it is at most 2.
    let priority = LEVELS[level(origin.priority) as usize];
    AtLevel {
        pool: origin.pool.to_string(),
        priority,
    }
}
