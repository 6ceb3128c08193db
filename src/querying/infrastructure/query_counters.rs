//! What is counted of the queries that reach the store, for `/metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub struct QueryCounters {
    running: Gauge,
    cancelled: Counter,
    busy: Counter,
}

impl QueryCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("query");
        registry.register("running", "Queries that the store works on", own.running.clone());
        registry.register("cancelled", "Queries ended since nobody waited for them", own.cancelled.clone());
        registry.register("busy", "Queries that got no turn in time", own.busy.clone());
        own
    }

    /// Until what it gives is dropped.
    pub(super) fn running(&self) -> RunningQuery {
        self.running.inc();
        RunningQuery(self.running.clone())
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
pub struct RunningQuery(Gauge);

impl Drop for RunningQuery {
    fn drop(&mut self) {
        self.0.dec();
    }
}
