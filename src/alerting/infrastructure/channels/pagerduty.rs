//! PagerDuty: Events API v2, an event for each alert of a notification.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{judged, words};
use crate::alerting::application::delivery::channel::{Answer, Channel, SendFuture};
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::notification::Notification;
use crate::platform::outgoing::{OutgoingClient, SecretUrl};
use crate::shared::Timestamp;

/// Limits of an event, in characters (developer.pagerduty.com, "PD-CEF").
const SUMMARY_CHARS_MAX: usize = 1_024;
const DEDUP_KEY_CHARS_MAX: usize = 255;
/// Of each text among the details; an event may have 512 KB.
const DETAIL_CHARS_MAX: usize = 2_000;
const DETAILS_MAX: usize = 64;

/// Sends events to one integration. One that was sent before does nothing the second time: its `dedup_key` is the same.
#[derive(Debug)]
pub struct PagerDuty {
    pub client: OutgoingClient,
    pub url: SecretUrl,
    pub routing_key: SecretString,
}

impl Channel for PagerDuty {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        Box::pin(async move {
            let mut last = Answer("nothing to tell".into());
            for alert in &notification.alerts {
                let event = event(alert, notification.at, self.routing_key.expose_secret());
                last = judged(self.client.post_json(&self.url, &event).await)?;
            }
            Ok(last)
        })
    }
}

fn event(alert: &Alert, now: Timestamp, routing_key: &str) -> Value {
    let dedup_key = dedup_key(alert);
    if !alert.is_firing(now) {
        return json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key });
    }
    let links: Vec<Value> =
        [(words::runbook(alert), "Runbook"), (words::page(&alert.generator_url), "Source")]
            .into_iter()
            .filter_map(|(url, text)| Some(json!({ "href": url?, "text": text })))
            .collect();
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "TelemetryFlow",
        "links": links,
        "payload": {
            "summary": words::cut(&headline(alert), SUMMARY_CHARS_MAX),
            "source": format!("telemetryflow/{}", alert.tenant),
            "severity": severity(alert),
            "timestamp": words::exact_time(alert.starts_at),
            "custom_details": details(alert),
        },
    })
}

/// The incident, else the alert itself.
fn dedup_key(alert: &Alert) -> String {
    match &alert.finding {
        Some(finding) => words::cut(&finding.incident.0, DEDUP_KEY_CHARS_MAX),
        None => format!("{}/{}", alert.tenant, alert.key.0),
    }
}

fn headline(alert: &Alert) -> String {
    let (name, summary) = (alert.name(), words::summary(alert));
    if summary.is_empty() { name.to_owned() } else { format!("{name}: {summary}") }
}

/// PagerDuty knows four; what nobody said is an error.
fn severity(alert: &Alert) -> &'static str {
    match words::rank(&words::severity(alert)) {
        4.. => "critical",
        2 => "warning",
        1 => "info",
        _ => "error",
    }
}

fn details(alert: &Alert) -> Value {
    let of_finding = alert.finding.iter().flat_map(|finding| {
        [
            ("rule", finding.rule_id.to_string()),
            ("expression", finding.expression.to_string()),
            ("reason", finding.reason.to_string()),
            ("value", words::value(alert).unwrap_or_default()),
        ]
    });
    let labels = alert.labels.iter().chain(alert.annotations.iter());
    let labels = labels.map(|(name, value)| (name, value.to_owned()));
    let texts = of_finding.chain(labels).take(DETAILS_MAX);
    Value::Object(
        texts.map(|(name, text)| (name.to_owned(), words::cut(&text, DETAIL_CHARS_MAX).into())).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::alert::Phase;
    use crate::alerting::domain::fixtures::second;
    use crate::alerting::domain::notification_fixtures::alert;

    #[test]
    fn an_alert_that_fires_triggers_its_incident() {
        let mut alert = alert("Checkout slow");
        alert.annotations.set("runbook_url", "https://wiki/x");
        assert_eq!(
            event(&alert, second(9), "R0"),
            json!({
                "routing_key": "R0",
                "event_action": "trigger",
                "dedup_key": "0197-incident",
                "client": "TelemetryFlow",
                "links": [{"href": "https://wiki/x", "text": "Runbook"}],
                "payload": {
                    "summary": "Checkout slow: 0.93 s on /cart",
                    "source": "telemetryflow/default",
                    "severity": "critical",
                    "timestamp": "1970-01-01T00:00:00Z",
                    "custom_details": {
                        "rule": "checkout-latency",
                        "expression": "avg(http.server.duration) over 5m",
                        "reason": "avg 0.9333 > 0.8 for 2m",
                        "value": "0.9333 (threshold > 0.8)",
                        "alertname": "Checkout slow",
                        "severity": "CRITICAL",
                        "http.route": "/cart",
                        "summary": "0.93 s on /cart",
                        "runbook_url": "https://wiki/x",
                    },
                },
            })
        );
    }

    #[test]
    fn one_that_is_over_resolves_it_and_others_go_by_their_labels() {
        let mut alert = alert("Checkout slow");
        alert.phase = Phase::Resolved { at: second(8) };
        alert.finding = None;
        let key = format!("default/{}", alert.key.0);
        assert_eq!(
            event(&alert, second(9), "R0"),
            json!({ "routing_key": "R0", "event_action": "resolve", "dedup_key": key })
        );
    }

    #[test]
    fn severities_map_one_to_one() {
        for (label, expected) in [
            ("CRITICAL", "critical"),
            ("ERROR", "error"),
            ("WARN", "warning"),
            ("INFO", "info"),
            ("page", "critical"),
            ("warning", "warning"),
            ("", "error"),
            ("odd", "error"),
        ] {
            let mut alert = alert("x");
            alert.labels.set("severity", label);
            assert_eq!(severity(&alert), expected, "{label}");
        }
    }

    #[test]
    fn an_event_is_bounded_whatever_an_alert_holds() {
        let mut alert = alert(&"ü".repeat(10_000));
        for number in 0..500 {
            alert.labels.set(format!("label{number}"), "ü".repeat(10_000));
        }
        let event = event(&alert, second(9), "R0");
        assert_eq!(event["payload"]["summary"].as_str().unwrap().chars().count(), SUMMARY_CHARS_MAX);
        assert!(event.to_string().len() < 512 * 1024);
    }
}
