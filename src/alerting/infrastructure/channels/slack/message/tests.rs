//! Messages, literally as Slack receives them.

use super::*;
use crate::alerting::domain::alert::Phase;
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notification_fixtures::{alert, notification, resolved};

const NEW_YEAR: i64 = 1_767_225_600;

fn message(notification: &Notification) -> Value {
    super::message(notification, &ExternalUrl::default())
}

fn one(change: impl FnOnce(&mut Alert)) -> Value {
    let mut notification = notification("n", "slack", "Checkout slow", NEW_YEAR + 120);
    let alert = &mut notification.alerts[0];
    alert.starts_at = second(NEW_YEAR);
    alert.annotations.set("runbook_url", "https://wiki/x?a=1&b=2");
    change(alert);
    message(&notification)
}

fn text(message: &Value, pointer: &str) -> String {
    message.pointer(&format!("/attachments/0/blocks/{pointer}")).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn an_alert_that_fires_tells_what_since_when_and_against_what() {
    let field = |text: &str| json!({ "type": "mrkdwn", "text": text, "verbatim": true });
    assert_eq!(
        one(|_| {}),
        json!({
            "text": "🔴 CRITICAL: Checkout slow (avg 0.9333 &gt; 0.8 for 2m)",
            "attachments": [{
                "color": "#a30200",
                "blocks": [
                    { "type": "header", "text": { "type": "plain_text", "text": "🔴 CRITICAL: Checkout slow" } },
                    {
                        "type": "section",
                        "text": field("0.93 s on /cart"),
                        "fields": [
                            field("*Value*\n0.9333 (threshold &gt; 0.8)"),
                            field("*Since*\n2026-01-01T00:00:00Z"),
                            field("*Expression*\navg(http.server.duration) over 5m"),
                            field("*Labels*\nhttp.route=/cart"),
                        ],
                    },
                    {
                        "type": "context",
                        "elements": [field(
                            "Rule checkout-latency · tenant default · avg 0.9333 &gt; 0.8 for 2m · \
                             2026-01-01T00:02:00Z · <https://wiki/x?a=1&amp;b=2|Runbook>"
                        )],
                    },
                ],
            }],
        })
    );
}

#[test]
fn links_lead_to_the_incident_the_runbook_and_the_rule_where_the_server_can_be_reached() {
    let mut told = notification("n", "slack", "Checkout slow", NEW_YEAR + 120);
    told.alerts[0].annotations.set("runbook_url", "https://wiki/x");
    told.alerts[0].generator_url = "https://flow.example/api/v2/alert-rules/checkout-latency".into();
    let message = super::message(&told, &ExternalUrl::parse("https://flow.example/").unwrap());
    let links = "<https://flow.example/api/v2/incidents/0197-incident|Incident> · <https://wiki/x|Runbook> · \
                 <https://flow.example/api/v2/alert-rules/checkout-latency|Source>";
    assert!(text(&message, "2/elements/0/text").ends_with(links));
}

#[test]
fn one_that_is_over_tells_how_long_it_fired_and_the_peak() {
    let message = one(|alert| alert.phase = Phase::Resolved { at: second(NEW_YEAR + 90) });
    assert_eq!(message["attachments"][0]["color"], "#2eb67d");
    assert_eq!(text(&message, "0/text/text"), "✅ Resolved: Checkout slow");
    assert_eq!(text(&message, "1/fields/1/text"), "*Fired for*\n1m30s, since 2026-01-01T00:00:00Z");
    assert_eq!(text(&message, "1/fields/2/text"), "*Peak*\n0.95");
}

#[test]
fn an_alert_of_somebody_else_is_told_by_its_labels() {
    let message = one(|alert| {
        alert.finding = None;
        alert.labels.set("severity", "warning");
        alert.generator_url = "https://prometheus/graph?g0=1".into();
    });
    assert_eq!(message["attachments"][0]["color"], "#ecb22e");
    assert_eq!(message["text"], "🔴 WARNING: Checkout slow (0.93 s on /cart)");
    assert!(text(&message, "2/elements/0/text").ends_with("<https://prometheus/graph?g0=1|Source>"));
}

#[test]
fn several_are_counted_and_named() {
    let mut notification = notification("n", "slack", "Checkout slow", NEW_YEAR + 120);
    notification.alerts[0].labels.set("pod", "a");
    let mut other = alert("Checkout slow");
    other.labels.set("pod", "b");
    other.labels.set("severity", "WARN");
    notification.alerts.push(other);
    let mut over = resolved("n", "slack", "Checkout slow", 95).alerts.remove(0);
    over.labels.set("pod", "c");
    notification.alerts.push(over);
    notification.truncated = 7;
    let message = message(&notification);
    assert_eq!(message["text"], "🔴 CRITICAL: Checkout slow (2 firing, 1 resolved, 7 more)");
    assert_eq!(
        text(&message, "1/text/text"),
        "*Firing*\n\
         • *CRITICAL* Checkout slow pod=a: 0.9333 (threshold &gt; 0.8), since 1970-01-01T00:00:00Z\n\
         • *WARN* Checkout slow pod=b: 0.9333 (threshold &gt; 0.8), since 1970-01-01T00:00:00Z"
    );
    assert_eq!(
        text(&message, "2/text/text"),
        "*Resolved*\n• Checkout slow pod=c: fired for 1m35s, peak 0.95"
    );
    assert_eq!(
        text(&message, "3/elements/0/text"),
        "tenant default · http.route=/cart · 2026-01-01T00:02:00Z"
    );
}

#[test]
fn text_from_outside_can_neither_mention_nor_link() {
    let evil = "<!channel> <https://evil|click> & *bold*";
    let message = one(|alert| {
        alert.annotations.set("summary", evil);
        alert.annotations.set("runbook_url", "javascript:alert(1)");
        alert.annotations.set("note<!here>", evil);
        alert.labels.set("pod", evil);
        alert.generator_url = "https://a|b".into();
        alert.finding.as_mut().unwrap().reason = evil.into();
        alert.finding.as_mut().unwrap().expression = evil.into();
        alert.finding.as_mut().unwrap().rule_id = evil.into();
    });
    let all = message.to_string();
    assert!(!all.contains("<!") && !all.contains("<https") && !all.contains("javascript"), "{all}");
    let mut several = notification("n", "slack", evil, 1);
    several.truncated = 1;
    let all = self::message(&several)["attachments"][0]["blocks"][1].to_string();
    assert!(!all.contains("<!"), "{all}");
}

#[test]
fn messages_stay_within_the_limits_of_blocks_whatever_alerts_hold() {
    let long = "&".repeat(5_000);
    let mut many = notification("n", "slack", &long, 1);
    for number in 0..50 {
        let mut alert = alert(&long);
        alert.labels.set(format!("label{number}"), long.as_str());
        alert.annotations.set(format!("note{number}"), long.as_str());
        many.alerts.push(alert);
    }
    let mut single = notification("n", "slack", &long, 1);
    for number in 0..50 {
        single.alerts[0].annotations.set(format!("note{number}"), long.as_str());
        single.alerts[0].labels.set(format!("label{number}"), long.as_str());
    }
    for notification in [&many, &single] {
        let message = message(notification);
        let blocks = message["attachments"][0]["blocks"].as_array().unwrap();
        let chars = |value: &Value| value.as_str().unwrap().chars().count();
        assert!(chars(&blocks[0]["text"]["text"]) <= HEADER_CHARS_MAX);
        for block in &blocks[1..] {
            if let Some(text) = block["text"].get("text") {
                assert!(chars(text) <= SECTION_CHARS_MAX);
            }
            let fields = block["fields"].as_array().into_iter().flatten();
            for field in fields.clone().chain(block["elements"].as_array().into_iter().flatten()) {
                assert!(chars(&field["text"]) <= FIELD_CHARS_MAX);
            }
            assert!(fields.count() <= FIELDS_MAX);
        }
        assert!(chars(&message["text"]) <= SECTION_CHARS_MAX);
    }
    let shown = text(&message(&many), "1/text/text");
    assert!(shown.ends_with(" more") && shown.contains("… and "), "{shown}");
}
