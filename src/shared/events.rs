//! Domain events: past facts, by which contexts hear of each other.

use std::sync::Arc;

use super::{LogColumns, MetricColumns, SpanColumns, TenantId, TimeRange, Timestamp};

/// A fact that others may act upon. Cheap to clone.
#[derive(Debug, Clone)]
pub enum DomainEvent {
    MetricsIngested(Arc<MetricsIngested>),
    LogsIngested(Arc<LogsIngested>),
    SpansIngested(Arc<SpansIngested>),
    AggregationCompleted(Arc<AggregationCompleted>),
    AlertTriggered(Arc<AlertTransition>),
    AlertResolved(Arc<AlertTransition>),
}

impl DomainEvent {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MetricsIngested(_) => "MetricsIngested",
            Self::LogsIngested(_) => "LogsIngested",
            Self::SpansIngested(_) => "SpansIngested",
            Self::AggregationCompleted(_) => "AggregationCompleted",
            Self::AlertTriggered(_) => "AlertTriggered",
            Self::AlertResolved(_) => "AlertResolved",
        }
    }
}

/// Points became visible in the store. One event per stored batch, never one per point.
#[derive(Debug)]
pub struct MetricsIngested {
    /// One entry per request of the batch.
    pub columns: Vec<MetricColumns>,
}

/// Log records became visible in the store. One event per stored batch.
#[derive(Debug)]
pub struct LogsIngested {
    /// One entry per request of the batch.
    pub columns: Vec<LogColumns>,
}

/// Spans became visible in the store. One event per stored batch.
#[derive(Debug)]
pub struct SpansIngested {
    /// One entry per request of the batch.
    pub columns: Vec<SpanColumns>,
}

/// Points of an hour were rolled up, for the first time or again, and can be read so ([`RollupCoverage`](super::RollupCoverage)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregationCompleted {
    /// One hour.
    pub range: TimeRange,
    pub metrics: AggregatedMetrics,
}

/// Whose points were rolled up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AggregatedMetrics {
    /// Of all tenants.
    All,
    /// These, by tenant and name.
    These(Vec<(TenantId, Box<str>)>),
}

/// One group of a rule began or ceased to fire.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertTransition {
    pub tenant: TenantId,
    pub rule_id: Box<str>,
    pub rule_name: Box<str>,
    /// `INFO`, `WARN`, `ERROR` or `CRITICAL`.
    pub severity: &'static str,
    /// What was measured, as people say it: `avg(http.server.duration) over 5m`.
    pub expression: Box<str>,
    /// The threshold as text: `> 0.8`.
    pub threshold: Box<str>,
    /// The value that decided; absent when the data stopped.
    pub value: Option<f64>,
    /// The value furthest beyond the threshold while it fired; absent if it fired because the data stopped.
    pub peak: Option<f64>,
    /// Labels of the group, then those of the rule; sorted by name.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Rendered annotations, in the order of the rule.
    pub annotations: Vec<(Box<str>, Box<str>)>,
    pub channels: Vec<Box<str>>,
    /// When the condition began to hold.
    pub since: Timestamp,
    /// When this transition happened.
    pub at: Timestamp,
    /// Why, in a few words: `avg 0.93 > 0.8 for 2m`.
    pub reason: Box<str>,
}
