//! A notification as the body of Alertmanager's webhooks, version 4 (prometheus.io/docs/alerting, "webhook_config").

use serde_json::{Map, Value, json};

use super::super::words::exact_time;
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::shared::Timestamp;

/// How Alertmanager says that something has no end yet.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Where the alerts of one body end, in bytes: below what web servers usually take (nginx: 1 MiB). A single alert may be larger.
const ALERTS_BYTES_MAX: usize = 900_000;

/// As many bodies as it takes to tell of all alerts, each of a part of them; what stands beside the alerts is that of all.
pub fn bodies(notification: &Notification, external_url: &ExternalUrl) -> Vec<String> {
    let alerts = notification.alerts.iter().map(|one| alert(one, notification.at));
    let frame = frame(notification, external_url);
    parts(alerts).into_iter().map(|alerts| body(&frame, alerts)).collect()
}

fn frame(notification: &Notification, external_url: &ExternalUrl) -> Map<String, Value> {
    let frame = json!({
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": notification.truncated,
        "status": if notification.is_firing() { "firing" } else { "resolved" },
        "receiver": notification.channel,
        "groupLabels": labels(&notification.group_labels),
        "commonLabels": labels(&notification.common_labels()),
        "commonAnnotations": labels(&notification.common_annotations()),
        "externalURL": external_url.as_str(),
    });
    match frame {
        Value::Object(frame) => frame,
        _ => Map::new(),
    }
}

fn body(frame: &Map<String, Value>, alerts: Vec<Value>) -> String {
    let mut body = frame.clone();
    body.insert("alerts".to_owned(), Value::Array(alerts));
    Value::Object(body).to_string()
}

fn parts(alerts: impl Iterator<Item = Value>) -> Vec<Vec<Value>> {
    let (mut parts, mut bytes): (Vec<Vec<Value>>, _) = (Vec::new(), usize::MAX);
    for alert in alerts {
        let length = alert.to_string().len();
        bytes = bytes.saturating_add(length);
        match parts.last_mut().filter(|_| bytes <= ALERTS_BYTES_MAX) {
            Some(part) => part.push(alert),
            None => {
                bytes = length;
                parts.push(vec![alert]);
            }
        }
    }
    parts
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

    fn outside() -> ExternalUrl {
        ExternalUrl::parse("https://flow.example").unwrap()
    }

    fn only(notification: &Notification) -> Value {
        let bodies = bodies(notification, &outside());
        assert_eq!(bodies.len(), 1);
        serde_json::from_str(&bodies[0]).unwrap()
    }

    #[test]
    fn a_large_group_is_told_whole_in_bodies_of_a_bounded_size() {
        let mut told = notification("n", "hook", "cpu", 100);
        told.alerts = (0..5_000).map(|number| alert(&format!("cpu{number}"))).collect();
        let last = told.alerts.last_mut().unwrap();
        last.phase = Phase::Resolved { at: second(90) };
        let bodies = bodies(&told, &outside());
        assert!(bodies.len() > 1 && bodies.iter().all(|body| body.len() < 1_000_000), "{}", bodies.len());
        let bodies: Vec<Value> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        let names = bodies.iter().flat_map(|body| body["alerts"].as_array().unwrap());
        let names: Vec<&str> = names.map(|one| one["labels"]["alertname"].as_str().unwrap()).collect();
        assert_eq!(names, told.alerts.iter().map(Alert::name).collect::<Vec<_>>());
        for body in &bodies {
            assert_eq!((&body["status"], &body["truncatedAlerts"]), (&json!("firing"), &json!(0)));
            assert_eq!(body["commonLabels"], json!({"http.route": "/cart", "severity": "CRITICAL"}));
        }
    }

    #[test]
    fn the_body_is_the_one_of_alertmanager() {
        let mut told = notification("n", "hook", "cpu", 100);
        let mut over = alert("disk");
        over.phase = Phase::Resolved { at: second(90) };
        over.generator_url = "http://prometheus/graph".into();
        told.alerts.push(over);
        told.truncated = 3;
        assert_eq!(
            only(&told),
            json!({
                "version": "4",
                "groupKey": "cpu",
                "truncatedAlerts": 3,
                "status": "firing",
                "receiver": "hook",
                "groupLabels": {"http.route": "/cart"},
                "commonLabels": {"severity": "CRITICAL", "http.route": "/cart"},
                "commonAnnotations": {"summary": "0.93 s on /cart"},
                "externalURL": "https://flow.example",
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
        let body = only(&told);
        assert_eq!(
            (body["status"].as_str(), body["alerts"][0]["status"].as_str()),
            (Some("resolved"), Some("resolved"))
        );
    }
}
