//! Alerts that began or ended, to the wire and back: for those who look at another node's live stream.

use std::sync::Arc;

use super::wire;
use crate::alerting::domain::rule_words::Severity;
use crate::shared::{AlertTransition, DomainEvent, TenantId, Timestamp};

/// Nothing for events that are not about alerts.
pub fn alert_to_wire(event: &DomainEvent) -> Option<wire::Alert> {
    let (alert, resolved) = match event {
        DomainEvent::AlertTriggered(alert) => (alert, false),
        DomainEvent::AlertResolved(alert) => (alert, true),
        _ => return None,
    };
    let labels = |pairs: &[(Box<str>, Box<str>)]| {
        let label = |(name, value): &(Box<str>, Box<str>)| wire::Label {
            name: name.to_string(),
            value: value.to_string(),
        };
        pairs.iter().map(label).collect()
    };
    Some(wire::Alert {
        resolved,
        tenant: alert.tenant.to_string(),
        rule_id: alert.rule_id.to_string(),
        rule_name: alert.rule_name.to_string(),
        severity: alert.severity.to_owned(),
        expression: alert.expression.to_string(),
        threshold: alert.threshold.to_string(),
        value: alert.value,
        peak: alert.peak,
        labels: labels(&alert.labels),
        annotations: labels(&alert.annotations),
        channels: alert.channels.iter().map(ToString::to_string).collect(),
        since: alert.since.nanos(),
        at: alert.at.nanos(),
        reason: alert.reason.to_string(),
    })
}

/// Nothing if it makes no sense to this version.
pub fn alert_from_wire(alert: wire::Alert) -> Option<DomainEvent> {
    let labels = |pairs: Vec<wire::Label>| {
        pairs.into_iter().map(|label| (label.name.into(), label.value.into())).collect()
    };
    let read = Arc::new(AlertTransition {
        tenant: TenantId::parse(&alert.tenant).ok()?,
        rule_id: alert.rule_id.into(),
        rule_name: alert.rule_name.into(),
        severity: Severity::parse(&alert.severity)?.name(),
        expression: alert.expression.into(),
        threshold: alert.threshold.into(),
        value: alert.value,
        peak: alert.peak,
        labels: labels(alert.labels),
        annotations: labels(alert.annotations),
        channels: alert.channels.into_iter().map(Into::into).collect(),
        since: Timestamp::from_nanos(alert.since),
        at: Timestamp::from_nanos(alert.at),
        reason: alert.reason.into(),
    });
    Some(if alert.resolved { DomainEvent::AlertResolved(read) } else { DomainEvent::AlertTriggered(read) })
}
