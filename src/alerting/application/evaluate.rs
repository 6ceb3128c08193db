//! Use case: evaluate the rules over what was ingested, and over time that passes.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;

use super::metrics::{AlertingMetrics, KindLabel, ReasonLabel};
use crate::alerting::domain::evaluator::AlertEvaluator;
use crate::alerting::domain::state::Change;
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::Watchlist;
use crate::shared::{AlertTransition, DomainEvent, MetricsIngested, Timestamp};

/// Port: puts a rule's annotations into words for one transition.
pub trait Annotate: Send + Sync {
    fn annotate(&self, transition: &Transition) -> Vec<(Box<str>, Box<str>)>;
}

/// Turns points and time into alert events, logs and counts.
pub struct EvaluateRules {
    evaluator: AlertEvaluator,
    watchlist: Arc<Watchlist>,
    annotations: Box<dyn Annotate>,
    metrics: AlertingMetrics,
}

impl EvaluateRules {
    pub fn new(
        evaluator: AlertEvaluator,
        watchlist: Arc<Watchlist>,
        annotations: Box<dyn Annotate>,
        metrics: AlertingMetrics,
    ) -> Self {
        Self { evaluator, watchlist, annotations, metrics }
    }

    pub fn observe(&mut self, ingested: &MetricsIngested, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.observe(ingested, now);
        self.count();
        self.told(&transitions)
    }

    pub fn tick(&mut self, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.tick(now);
        self.count();
        self.told(&transitions)
    }

    /// Events were overwritten before they were read: rules may have overlooked something.
    pub fn missed(&self, events: u64) {
        self.metrics.missed("evaluator", events);
        tracing::warn!(events, "alert rules lag behind ingestion; events were not evaluated");
    }

    fn count(&mut self) {
        let counts = self.evaluator.take_counts();
        self.metrics.evaluations.inc_by(counts.evaluations);
        let set = |gauge: &Gauge, count: u64| gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        set(&self.metrics.instances, self.evaluator.instances() as u64);
        set(&self.metrics.counter_series, self.evaluator.counter_series() as u64);
        set(&self.metrics.watches_refused, self.watchlist.refused());
        for (refusal, points) in counts.refused {
            self.metrics.points_refused.get_or_create(&ReasonLabel { reason: refusal.name() }).inc_by(points);
        }
        for rule in counts.overflowed {
            self.metrics.instance_overflows.inc();
            tracing::warn!(rule = %rule.id, "a rule has too many groups; further ones are not evaluated");
        }
    }

    fn told(&self, transitions: &[Transition]) -> Vec<DomainEvent> {
        let told = transitions.iter().filter(|transition| transition.change.is_told());
        told.map(|transition| self.tell(transition)).collect()
    }

    fn tell(&self, transition: &Transition) -> DomainEvent {
        let alert = Arc::new(self.alert(transition));
        let event = match transition.change {
            Change::Resolved { .. } => DomainEvent::AlertResolved(Arc::clone(&alert)),
            _ => DomainEvent::AlertTriggered(Arc::clone(&alert)),
        };
        self.metrics.transitions.get_or_create(&KindLabel { kind: transition.kind() }).inc();
        tracing::info!(
            tenant = %alert.tenant,
            rule = %alert.rule_id,
            severity = alert.severity,
            kind = transition.kind(),
            reason = %alert.reason,
            "an alert changed"
        );
        event
    }

    fn alert(&self, transition: &Transition) -> AlertTransition {
        let rule = transition.rule();
        let labels = transition.labels();
        AlertTransition {
            tenant: transition.group.tenant.clone(),
            rule_id: rule.id.as_str().into(),
            rule_name: rule.name.clone(),
            severity: transition.severity().name(),
            expression: rule.measure.expression().into(),
            threshold: transition.threshold().into(),
            value: transition.value(),
            peak: transition.peak(),
            labels: labels.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            annotations: self.annotations.annotate(transition),
            channels: rule.channels.clone(),
            since: transition.since(),
            at: transition.at,
            reason: transition.reason().into(),
        }
    }
}

impl std::fmt::Debug for EvaluateRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluateRules")
            .field("instances", &self.evaluator.instances())
            .finish_non_exhaustive()
    }
}
