//! A notification as the body of Alertmanager's webhooks, version 4 (prometheus.io/docs/alerting, "webhook_config").

use serde_json::{Map, Value, json};

use super::super::words::exact_time;
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::shared::Timestamp;

/// How Alertmanager says that something has no end yet.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

pub fn body(notification: &Notification) -> Value {
    json!({
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": notification.truncated,
        "status": if notification.is_firing() { "firing" } else { "resolved" },
        "receiver": notification.channel,
        "groupLabels": labels(&notification.group_labels),
        "commonLabels": labels(&notification.common_labels()),
        "commonAnnotations": labels(&notification.common_annotations()),
        "externalURL": "",
        "alerts": notification.alerts.iter().map(|one| alert(one, notification.at)).collect::<Vec<_>>(),
    })
}

fn alert(alert: &Alert, now: Timestamp) -> Value {
    json!({
        "status": if alert.is_firing(now) { "firing" } else { "resolved" },
        "labels": labels(&alert.labels),
        "annotations": labels(&alert.annotations),
        "startsAt": exact_time(alert.starts_at),
        "endsAt": alert.ends_at().map_or_else(|| NO_TIME.to_owned(), exact_time),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.labels.fingerprint().to_string(),
    })
}

fn labels(labels: &LabelSet) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::alert::Phase;
    use crate::alerting::domain::fixtures::second;
    use crate::alerting::domain::notification_fixtures::{alert, notification};

    #[test]
    fn the_body_is_the_one_of_alertmanager() {
        let mut told = notification("n", "hook", "cpu", 100);
        let mut over = alert("disk");
        over.phase = Phase::Resolved { at: second(90) };
        over.generator_url = "http://prometheus/graph".into();
        told.alerts.push(over);
        told.truncated = 3;
        assert_eq!(
            body(&told),
            json!({
                "version": "4",
                "groupKey": "cpu",
                "truncatedAlerts": 3,
                "status": "firing",
                "receiver": "hook",
                "groupLabels": {"http.route": "/cart"},
                "commonLabels": {"severity": "CRITICAL", "http.route": "/cart"},
                "commonAnnotations": {"summary": "0.93 s on /cart"},
                "externalURL": "",
                "alerts": [
                    {
                        "status": "firing",
                        "labels": {"alertname": "cpu", "severity": "CRITICAL", "http.route": "/cart"},
                        "annotations": {"summary": "0.93 s on /cart"},
                        "startsAt": "1970-01-01T00:00:00Z",
                        "endsAt": "0001-01-01T00:00:00Z",
                        "generatorURL": "",
                        "fingerprint": told.alerts[0].labels.fingerprint().to_string(),
                    },
                    {
                        "status": "resolved",
                        "labels": {"alertname": "disk", "severity": "CRITICAL", "http.route": "/cart"},
                        "annotations": {"summary": "0.93 s on /cart"},
                        "startsAt": "1970-01-01T00:00:00Z",
                        "endsAt": "1970-01-01T00:01:30Z",
                        "generatorURL": "http://prometheus/graph",
                        "fingerprint": told.alerts[1].labels.fingerprint().to_string(),
                    },
                ],
            })
        );
    }

    #[test]
    fn all_over_is_resolved() {
        let mut told = notification("n", "hook", "cpu", 100);
        told.alerts[0].phase = Phase::Firing { expires: Some(second(100)) };
        let body = body(&told);
        assert_eq!(
            (body["status"].as_str(), body["alerts"][0]["status"].as_str()),
            (Some("resolved"), Some("resolved"))
        );
    }
}
