//! PagerDuty: Events API v2. A group of alerts is one incident there, as Alertmanager has it: triggered while any of them fires,
//! resolved when all are over. An alert whose rule names the channel is a group of its own.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{judged, words};
use crate::alerting::application::delivery::channel::{Channel, SendFuture};
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::platform::outgoing::{OutgoingClient, SecretUrl};

/// Limits of an event, in characters (developer.pagerduty.com, "PD-CEF").
const SUMMARY_CHARS_MAX: usize = 1_024;
/// Of each text among the details; an event may have 512 KB.
const DETAIL_CHARS_MAX: usize = 2_000;
const DETAILS_MAX: usize = 64;
/// Alerts of a group that are named, firing ones and others each; more are counted.
const LINES_MAX: usize = 100;
const LINE_CHARS_MAX: usize = 400;

/// Sends events to one integration. One that was sent before changes nothing the second time: its `dedup_key` is the same.
#[derive(Debug)]
pub struct PagerDuty {
    pub client: OutgoingClient,
    pub url: SecretUrl,
    pub routing_key: SecretString,
    pub external_url: ExternalUrl,
}

impl Channel for PagerDuty {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        Box::pin(async move {
            let event = event(notification, &self.external_url, self.routing_key.expose_secret());
            judged(self.client.post_json(&self.url, &event).await)
        })
    }
}

fn event(notification: &Notification, external_url: &ExternalUrl, routing_key: &str) -> Value {
    let dedup_key = words::hashed(&[notification.tenant.as_str(), &notification.group_key]);
    let firing: Vec<&Alert> = notification.firing().collect();
    let Some(first) = firing.iter().map(|alert| alert.starts_at).min() else {
        return json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key });
    };
    let (summary, details) = match notification.alerts.as_slice() {
        [alert] if notification.truncated == 0 => (headline(alert), details(alert)),
        _ => (group_headline(notification), group_details(notification)),
    };
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "TelemetryFlow",
        "links": links(&firing, external_url),
        "payload": {
            "summary": words::cut(&summary, SUMMARY_CHARS_MAX),
            "source": format!("telemetryflow/{}", notification.tenant),
            "severity": severity(&words::worst(notification)),
            "timestamp": words::exact_time(first),
            "custom_details": details,
        },
    });
    if let Value::Object(members) = &mut event
        && !external_url.as_str().is_empty()
    {
        members.insert("client_url".to_owned(), external_url.as_str().into());
    }
    event
}

/// Those that all alerts which have any share.
fn links(firing: &[&Alert], external_url: &ExternalUrl) -> Vec<Value> {
    let shared = |of: &dyn Fn(&Alert) -> Option<String>| {
        let mut urls: Vec<String> = firing.iter().filter_map(|alert| of(alert)).collect();
        urls.dedup();
        <[String; 1]>::try_from(urls).ok().map(|[url]| url)
    };
    let incident = shared(&|alert| external_url.incident(alert));
    let runbook = shared(&|alert| words::runbook(alert).map(str::to_owned));
    let source = shared(&|alert| words::page(&alert.generator_url).map(str::to_owned));
    [(incident, "Incident"), (runbook, "Runbook"), (source, "Source")]
        .into_iter()
        .filter_map(|(url, text)| Some(json!({ "href": url?, "text": text })))
        .collect()
}

fn headline(alert: &Alert) -> String {
    let (name, summary) = (alert.name(), words::summary(alert));
    if summary.is_empty() { name.to_owned() } else { format!("{name}: {summary}") }
}

/// `Checkout slow (3 firing, 1 resolved): cluster=eu`
fn group_headline(notification: &Notification) -> String {
    let what = format!("{} ({})", words::names(notification), words::counts(notification));
    let labels = notification.common_labels();
    let labels = words::joined(words::telling_labels(&labels, &LabelSet::default()), ", ");
    if labels.is_empty() { what } else { format!("{what}: {labels}") }
}

/// PagerDuty knows four; what nobody said is an error.
fn severity(severity: &str) -> &'static str {
    match words::rank(severity) {
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

/// As Alertmanager names them: `num_firing`, `num_resolved`, `firing`, `resolved`; and the labels that all alerts share.
fn group_details(notification: &Notification) -> Value {
    let common = notification.common_labels();
    let counted = |name: &str, alerts: Vec<&Alert>| {
        [(format!("num_{name}"), alerts.len().to_string()), (name.to_owned(), lines(&alerts, &common))]
    };
    let firing = counted("firing", notification.firing().collect());
    let resolved = counted("resolved", notification.resolved().collect());
    let labels = common.iter().map(|(name, value)| (name.to_owned(), words::cut(value, DETAIL_CHARS_MAX)));
    let texts = firing.into_iter().chain(resolved).chain(labels).take(DETAILS_MAX);
    Value::Object(texts.map(|(name, text)| (name, text.into())).collect())
}

/// As many lines as there may be; the rest is counted.
fn lines(alerts: &[&Alert], common: &LabelSet) -> String {
    let line = |alert: &&Alert| {
        let labels = words::joined(words::telling_labels(&alert.labels, common), ", ");
        let subject = format!("{} {labels}", alert.name());
        let line = format!("{}: {}", subject.trim_end(), words::summary(alert));
        words::cut(&line, LINE_CHARS_MAX)
    };
    let mut lines: Vec<String> = alerts.iter().take(LINES_MAX).map(line).collect();
    if let Some(rest) = alerts.len().checked_sub(LINES_MAX).filter(|rest| *rest > 0) {
        lines.push(format!("... and {rest} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notification_fixtures::{alert, notification, resolved};

    fn event_of(notification: &Notification) -> Value {
        event(notification, &ExternalUrl::default(), "R0")
    }

    #[test]
    fn links_lead_to_the_incident_where_the_server_can_be_reached() {
        let external_url = ExternalUrl::parse("https://flow.example").unwrap();
        let event = event(&notification("n", "duty", "cpu", 9), &external_url, "R0");
        let link = json!({"href": "https://flow.example/api/v2/incidents/0197-incident", "text": "Incident"});
        assert_eq!((&event["client_url"], &event["links"]), (&json!("https://flow.example"), &json!([link])));
    }

    #[test]
    fn an_alert_that_fires_triggers_its_incident() {
        let mut told = notification("n", "duty", "Checkout slow", 9);
        told.alerts[0].annotations.set("runbook_url", "https://wiki/x");
        assert_eq!(
            event_of(&told),
            json!({
                "routing_key": "R0",
                "event_action": "trigger",
                "dedup_key": words::hashed(&["default", "Checkout slow"]),
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
    fn a_group_is_one_incident_until_all_is_over() {
        let mut told = notification("n", "duty", "group", 9);
        told.alerts.extend((0..150).map(|number| alert(&format!("cpu{number}"))));
        told.alerts.extend(resolved("n", "duty", "disk", 5).alerts);
        let event_of_all = event_of(&told);
        let payload = &event_of_all["payload"];
        assert_eq!(event_of_all["event_action"], "trigger");
        assert_eq!(payload["summary"], "152 alerts (151 firing, 1 resolved): http.route=/cart");
        let details = &payload["custom_details"];
        assert_eq!((&details["num_firing"], &details["num_resolved"]), (&json!("151"), &json!("1")));
        assert!(details["firing"].as_str().unwrap().ends_with("\n... and 51 more"));
        assert_eq!(details["resolved"], "disk: 0.93 s on /cart");
        assert_eq!(details["http.route"], "/cart");
        let over = event_of(&resolved("n", "duty", "group", 10));
        assert_eq!(
            over,
            json!({ "routing_key": "R0", "event_action": "resolve", "dedup_key": event_of_all["dedup_key"] })
        );
    }

    #[test]
    fn groups_and_tenants_have_incidents_of_their_own() {
        let key = |group: &str, tenant: &str| {
            let mut told = notification("n", "duty", group, 9);
            told.tenant = crate::shared::TenantId::parse(tenant).unwrap();
            event_of(&told)["dedup_key"].as_str().unwrap().to_owned()
        };
        assert_eq!(key("a", "x"), key("a", "x"));
        assert!(key("a", "x") != key("b", "x") && key("a", "x") != key("a", "y"));
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
            let mut told = notification("n", "duty", "x", 9);
            told.alerts[0].labels.set("severity", label);
            assert_eq!(event_of(&told)["payload"]["severity"], expected, "{label}");
        }
    }

    #[test]
    fn an_event_is_bounded_whatever_alerts_hold() {
        let mut alert = alert(&"ü".repeat(10_000));
        for number in 0..500 {
            alert.labels.set(format!("label{number}"), "ü".repeat(10_000));
        }
        let mut told = notification("n", "duty", "x", 9);
        for alerts in [vec![alert.clone()], vec![alert; 300]] {
            told.alerts = alerts;
            let event = event_of(&told);
            assert!(event["payload"]["summary"].as_str().unwrap().chars().count() <= SUMMARY_CHARS_MAX);
            assert!(event.to_string().len() < 512 * 1024);
        }
    }
}
