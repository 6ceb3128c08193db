//! What several nodes tell about evaluating rules together: `telemetryflow_alerting_nodes_*`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges. Clones share their values.
#[derive(Debug, Clone, Default)]
pub struct NodeMetrics {
    /// 1 on the node that evaluates the rules, else 0.
    pub owner: Gauge,
    pub reports_sent: Counter,
    pub reports_failed: Counter,
    /// Events that could not be reported.
    pub events_missed: Counter,
    /// Points and records that other nodes reported.
    pub items_taken: Counter,
    pub gaps: Counter,
    /// Series that are not reported because too many are.
    pub series_refused: Counter,
}

impl NodeMetrics {
    pub fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("alerting_nodes");
        registry.register("owner", "1 on the node that evaluates the rules, else 0", metrics.owner.clone());
        registry.register(
            "reports_sent",
            "Reports of what was taken in that the node that evaluates the rules took",
            metrics.reports_sent.clone(),
        );
        registry.register(
            "reports_failed",
            "Attempts to send a report that failed; it is sent again",
            metrics.reports_failed.clone(),
        );
        registry.register(
            "events_missed",
            "Events that were overwritten before they were reported; rules read them from the store",
            metrics.events_missed.clone(),
        );
        registry.register(
            "items_taken",
            "Points and records that other nodes reported",
            metrics.items_taken.clone(),
        );
        registry.register(
            "gaps",
            "Reports that said that something was lost before it",
            metrics.gaps.clone(),
        );
        registry.register(
            "series_refused",
            "Series that are not reported because too many are",
            metrics.series_refused.clone(),
        );
        metrics
    }
}
