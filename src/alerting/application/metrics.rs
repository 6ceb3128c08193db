//! What alerting tells about itself: `telemetryflow_alerting_*`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::alerting::domain::instance::PointRefusal;
use crate::shared::TenantId;

/// The listener that feeds rules.
pub const EVALUATOR: &str = "evaluator";

/// Counters and gauges of the context. Clones share their values.
#[derive(Debug, Clone, Default)]
pub struct AlertingMetrics {
    pub events_missed: Family<ListenerLabel, Counter>,
    pub points_refused: Family<ReasonLabel, Counter>,
    pub evaluations: Counter,
    pub instances: Gauge,
    pub incidents_open: Gauge,
    pub counter_series: Gauge,
    pub instance_overflows: Counter,
    pub watches_refused: Gauge,
    pub transitions: Family<KindLabel, Counter>,
    pub notifications: Family<NotificationLabels, Counter>,
    pub notifications_made: Family<ChannelLabel, Counter>,
    pub alerts_taken: Family<SourceLabel, Counter>,
    pub alerts_refused: Family<RefusedLabels, Counter>,
    /// Seconds.
    pub lag: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ListenerLabel {
    pub listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    pub kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NotificationLabels {
    pub channel: String,
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChannelLabel {
    pub channel: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabel {
    pub source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedLabels {
    pub tenant: String,
    pub reason: &'static str,
}

/// Who raised an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertSource {
    Rule,
    Api,
}

/// Why nobody is told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertRefusal {
    /// The tenant has as many as it may have.
    TooMany,
    /// Others posted what is no alert.
    Invalid,
}

/// What became of one attempt to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    Retried,
    Failed,
}

impl AlertingMetrics {
    pub fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("alerting");
        let Self { events_missed, points_refused, evaluations, instances, .. } = metrics.clone();
        let Self { counter_series, instance_overflows, watches_refused, transitions, notifications, .. } =
            metrics.clone();
        registry.register("incidents_open", "Incidents that are not over", metrics.incidents_open.clone());
        registry.register(
            "events_missed",
            "Events that were overwritten before they were read",
            events_missed,
        );
        registry.register("points_refused", "Points that were not evaluated, by reason", points_refused);
        registry.register("evaluations", "Looks at a group's window", evaluations);
        registry.register("instances", "Groups of rules that have data or fire", instances);
        registry.register(
            "counter_series",
            "Cumulative counters whose last point is remembered",
            counter_series,
        );
        registry.register(
            "instance_overflows",
            "Rules that ran out of instances for the first time",
            instance_overflows,
        );
        registry.register(
            "watches_refused",
            "Series or groups that are not watched because too many are",
            watches_refused,
        );
        registry.register("transitions", "Alerts that began or ceased to fire", transitions);
        registry.register(
            "lag_seconds",
            "How long what is evaluated now has waited; 0 if nothing else waits",
            metrics.lag.clone(),
        );
        registry.register("notifications", "Attempts to send a message", notifications);
        let Self { notifications_made, alerts_taken, alerts_refused, .. } = metrics.clone();
        registry.register(
            "notifications_made",
            "Messages that were to be sent, also those that newer ones replaced",
            notifications_made,
        );
        registry.register("alerts_taken", "Alerts that began, went on, changed or ended", alerts_taken);
        registry.register(
            "alerts_refused",
            "Alerts that nobody is told of, by tenant and reason",
            alerts_refused,
        );
        metrics
    }

    pub fn missed(&self, listener: &'static str, events: u64) {
        self.events_missed.get_or_create(&ListenerLabel { listener }).inc_by(events);
    }

    pub fn lags(&self, behind: Duration) {
        self.lag.set(behind.as_secs_f64());
    }

    /// What rules may have overlooked: events that nobody evaluated, since the start of the process.
    pub fn events_overlooked(&self) -> u64 {
        self.events_missed.get_or_create(&ListenerLabel { listener: EVALUATOR }).get()
    }

    /// Points and series that were not watched for want of room, since the start of the process.
    pub fn crowded_out(&self) -> u64 {
        let reason = PointRefusal::TooManyInstances.name();
        let points = self.points_refused.get_or_create(&ReasonLabel { reason }).get();
        points.saturating_add(u64::try_from(self.watches_refused.get()).unwrap_or(0))
    }

    pub fn took(&self, source: AlertSource) {
        self.alerts_taken.get_or_create(&SourceLabel { source: source.name() }).inc();
    }

    pub fn refused(&self, tenant: &TenantId, refusal: AlertRefusal) {
        let labels = RefusedLabels { tenant: tenant.to_string(), reason: refusal.name() };
        self.alerts_refused.get_or_create(&labels).inc();
    }

    pub fn made(&self, channel: &str) {
        self.notifications_made.get_or_create(&ChannelLabel { channel: channel.to_owned() }).inc();
    }

    pub fn notified(&self, channel: &str, outcome: Outcome) {
        let labels = NotificationLabels { channel: channel.to_owned(), result: outcome.name() };
        self.notifications.get_or_create(&labels).inc();
    }
}

impl AlertSource {
    const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Api => "api",
        }
    }
}

impl AlertRefusal {
    const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Invalid => "invalid",
        }
    }
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Failed => "failed",
        }
    }
}
