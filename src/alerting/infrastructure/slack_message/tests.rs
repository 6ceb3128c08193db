//! Messages, literally as Slack receives them.

use std::sync::Arc;

use super::*;
use crate::shared::TenantId;

fn alert() -> AlertTransition {
    let pair = |name: &str, text: &str| (name.into(), text.into());
    let at = |second: i64| Timestamp::from_nanos(second * 1_000_000_000 + 999);
    AlertTransition {
        tenant: TenantId::unnamed(),
        rule_id: "checkout-latency".into(),
        rule_name: "Checkout slow".into(),
        severity: "CRITICAL",
        expression: "avg(http.server.duration) over 5m".into(),
        threshold: "> 0.8".into(),
        value: Some(0.933_333),
        peak: Some(0.933_333),
        labels: vec![pair("http.route", "/cart"), pair("team", "payments")],
        annotations: vec![pair("summary", "0.93 s on /cart"), pair("runbook_url", "https://wiki/x?a=1&b=2")],
        channels: vec!["slack".into()],
        since: at(1_767_225_600),
        at: at(1_767_225_720),
        reason: "avg 0.9333 > 0.8 for 2m".into(),
    }
}

fn firing(change: impl FnOnce(&mut AlertTransition)) -> Value {
    let mut alert = alert();
    change(&mut alert);
    message(&Notice::Firing(Arc::new(alert)))
}

#[test]
fn a_firing_alert_tells_what_since_when_and_against_what() {
    assert_eq!(
        firing(|_| {}),
        json!({
            "text": "🔴 CRITICAL: Checkout slow (avg 0.9333 &gt; 0.8 for 2m)",
            "attachments": [{
                "color": "#a30200",
                "blocks": [
                    { "type": "header", "text": { "type": "plain_text", "text": "🔴 CRITICAL: Checkout slow" } },
                    {
                        "type": "section",
                        "text": { "type": "mrkdwn", "text": "0.93 s on /cart", "verbatim": true },
                        "fields": [
                            { "type": "mrkdwn", "text": "*Value*\n0.9333 (threshold &gt; 0.8)", "verbatim": true },
                            { "type": "mrkdwn", "text": "*Since*\n2026-01-01T00:00:00Z", "verbatim": true },
                            { "type": "mrkdwn", "text": "*Expression*\navg(http.server.duration) over 5m", "verbatim": true },
                            { "type": "mrkdwn", "text": "*Labels*\nhttp.route=/cart\nteam=payments", "verbatim": true },
                        ],
                    },
                    {
                        "type": "context",
                        "elements": [{
                            "type": "mrkdwn",
                            "text": "Rule checkout-latency · tenant default · avg 0.9333 &gt; 0.8 for 2m · \
                                     2026-01-01T00:02:00Z · <https://wiki/x?a=1&amp;b=2|Runbook>",
                            "verbatim": true,
                        }],
                    },
                ],
            }],
        })
    );
}

#[test]
fn a_resolved_alert_tells_how_long_it_fired_and_its_peak() {
    let alert = AlertTransition { value: None, peak: Some(1.2e9), reason: "no data".into(), ..alert() };
    let message = message(&Notice::Resolved(Arc::new(alert)));
    assert_eq!(message["text"], "✅ Resolved: Checkout slow (no data)");
    let attachment = &message["attachments"][0];
    assert_eq!(attachment["color"], "#2eb67d");
    let texts: Vec<_> = (0..3).map(|at| attachment["blocks"][1]["fields"][at]["text"].clone()).collect();
    assert_eq!(
        texts,
        [
            "*Value*\nno data (threshold &gt; 0.8)",
            "*Fired for*\n2m, since 2026-01-01T00:00:00Z",
            "*Peak*\n1.2e9",
        ]
    );
}

#[test]
fn text_from_outside_neither_mentions_nor_links() {
    let text = firing(|alert| {
        alert.rule_name = "<!channel>".into();
        alert.reason = "<!here>".into();
        alert.labels = vec![("host".into(), "<!everyone> <https://evil|click> <@U1>".into())];
        alert.annotations = vec![("summary".into(), "a & <!channel>".into())];
    });
    let blocks = &text["attachments"][0]["blocks"];
    assert_eq!(text["text"], "🔴 CRITICAL: &lt;!channel&gt; (&lt;!here&gt;)");
    assert_eq!(blocks[0]["text"]["type"], "plain_text");
    assert_eq!(blocks[1]["text"]["text"], "a &amp; &lt;!channel&gt;");
    let labels = "*Labels*\nhost=&lt;!everyone&gt; &lt;https://evil|click&gt; &lt;@U1&gt;";
    assert_eq!(blocks[1]["fields"][3]["text"], labels);
}

#[test]
fn a_runbook_is_a_link_only_to_a_web_page() {
    for url in ["javascript:alert(1)", "https://x|y", "https://x> <!channel", "ftp://x", ""] {
        let message = firing(|alert| alert.annotations = vec![("runbook_url".into(), url.into())]);
        assert!(!message.to_string().contains("|Runbook>"), "{url}");
    }
}

#[test]
fn long_texts_are_cut_at_characters_and_never_within_an_escape() {
    let message = firing(|alert| {
        alert.rule_name = "ü".repeat(500).into();
        alert.annotations = vec![("summary".into(), "&".repeat(5_000).into())];
        alert.annotations.extend((0..20).map(|at| (format!("note{at}").into(), "x".repeat(9_000).into())));
    });
    let blocks = &message["attachments"][0]["blocks"];
    let chars = |text: &Value| text.as_str().unwrap().chars().count();
    assert_eq!(chars(&blocks[0]["text"]["text"]), HEADER_CHARS_MAX);
    let section = blocks[1]["text"]["text"].as_str().unwrap();
    assert!(section.chars().count() <= SECTION_CHARS_MAX);
    assert!(section.ends_with("&amp;…"));
    assert_eq!(blocks[1]["fields"].as_array().unwrap().len(), FIELDS_MAX);
    assert_eq!(chars(&blocks[1]["fields"][9]["text"]), FIELD_CHARS_MAX);
}

#[test]
fn without_a_summary_the_reason_stands_in() {
    let message = firing(|alert| alert.annotations.clear());
    assert_eq!(message["attachments"][0]["blocks"][1]["text"]["text"], "avg 0.9333 &gt; 0.8 for 2m");
}
