//! Alerts and notifications for the tests of this context.

use super::alert::{Alert, AlertKey, Finding, IncidentId, NAME_LABEL, Phase, SEVERITY_LABEL};
use super::fixtures::second;
use super::label_set::LabelSet;
use super::notification::{Notification, NotificationId};
use crate::shared::TenantId;

/// An alert of the rule `checkout-latency` that fires from second 0 on.
pub fn alert(name: &str) -> Alert {
    let labels: LabelSet =
        [(NAME_LABEL, name), (SEVERITY_LABEL, "CRITICAL"), ("http.route", "/cart")].into_iter().collect();
    Alert {
        tenant: TenantId::unnamed(),
        key: AlertKey::of(&labels),
        labels,
        annotations: [("summary", "0.93 s on /cart")].into_iter().collect(),
        starts_at: second(0),
        phase: Phase::Firing { expires: None },
        updated_at: second(120),
        generator_url: "".into(),
        finding: Some(Finding {
            rule_id: "checkout-latency".into(),
            rule_name: name.into(),
            incident: IncidentId("0197-incident".into()),
            expression: "avg(http.server.duration) over 5m".into(),
            threshold: "> 0.8".into(),
            value: Some(0.933_333),
            peak: 0.95,
            reason: "avg 0.9333 > 0.8 for 2m".into(),
        }),
        channels: vec!["slack".into()],
    }
}

/// That one alert fires, told to `channel` about `group` at a second.
pub fn notification(id: &str, channel: &str, group: &str, at: i64) -> Notification {
    Notification {
        id: NotificationId(id.into()),
        tenant: TenantId::unnamed(),
        channel: channel.into(),
        group_key: group.into(),
        group_labels: [("http.route", "/cart")].into_iter().collect(),
        alerts: vec![alert(group)],
        truncated: 0,
        at: second(at),
    }
}

/// The same, but over.
pub fn resolved(id: &str, channel: &str, group: &str, at: i64) -> Notification {
    let mut notification = notification(id, channel, group, at);
    for alert in &mut notification.alerts {
        alert.phase = Phase::Resolved { at: second(at) };
    }
    notification
}
