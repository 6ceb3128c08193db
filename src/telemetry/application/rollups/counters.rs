//! What rolling up counts, for `/metrics`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::register::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    /// `whole` hours, or `late` metrics of one.
    of: &'static str,
}

#[derive(Debug, Clone, Default)]
pub struct RollupCounters {
    hours: Family<Of, Counter>,
    seconds: Family<Of, Counter<f64, AtomicU64>>,
    failures: Counter,
    waiting: Gauge,
    lag: Gauge,
}

impl RollupCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("rollups");
        registry.register(
            "hours",
            "Hours calculated: whole, or of metrics that were sent late points",
            own.hours.clone(),
        );
        registry.register("seconds", "Time that it took", own.seconds.clone());
        registry.register("failures", "Calculations that failed, and are tried again", own.failures.clone());
        registry.register("hours_waiting", "Hours that wait to be calculated", own.waiting.clone());
        registry.register("lag_seconds", "Since the end of the oldest hour that waits", own.lag.clone());
        own
    }

    pub(super) fn calculated(&self, metrics: &Metrics, took: Duration) {
        let of = Of { of: if *metrics == Metrics::All { "whole" } else { "late" } };
        self.hours.get_or_create(&of).inc();
        self.seconds.get_or_create(&of).inc_by(took.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.failures.inc();
    }

    pub(super) fn waiting(&self, hours: usize, lag: Duration) {
        self.waiting.set(i64::try_from(hours).unwrap_or(i64::MAX));
        self.lag.set(i64::try_from(lag.as_secs()).unwrap_or(i64::MAX));
    }
}
