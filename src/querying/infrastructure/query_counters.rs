//! What is counted of the queries that reach the store, for `/metrics`.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets of times, in seconds.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone)]
pub struct QueryCounters {
    running: Gauge,
    took: Histogram,
    cancelled: Counter,
    busy: Counter,
}

impl QueryCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self {
            running: Gauge::default(),
            took: Histogram::new(BOUNDS),
            cancelled: Counter::default(),
            busy: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("query");
        registry.register("running", "Queries that the store works on", own.running.clone());
        registry.register_with_unit(
            "store",
            "Time that the store worked on a query",
            Unit::Seconds,
            own.took.clone(),
        );
        registry.register("cancelled", "Queries ended since nobody waited for them", own.cancelled.clone());
        registry.register("busy", "Queries that got no turn in time", own.busy.clone());
        own
    }

    /// Until what it gives is dropped.
    pub(super) fn running(&self) -> RunningQuery {
        self.running.inc();
        RunningQuery { running: self.running.clone(), took: self.took.clone(), began: Instant::now() }
    }

    pub(super) fn cancelled(&self) {
        self.cancelled.inc();
    }

    pub(super) fn busy(&self) {
        self.busy.inc();
    }
}

/// A query counted as running.
#[derive(Debug)]
pub struct RunningQuery {
    running: Gauge,
    took: Histogram,
    began: Instant,
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        self.running.dec();
        self.took.observe(self.began.elapsed().as_secs_f64());
    }
}
