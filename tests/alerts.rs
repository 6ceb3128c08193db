//! Scenario: rules watch what is ingested; a webhook as Slack has it takes the messages, or does not.
//! Guarantees: a threshold that is passed is told within two seconds, once, with everything that people need; its end is
//! told after it, to Slack and to whoever listens; a webhook that fails for a while costs nothing; one in a private network is never called unasked.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::events::Listener;
use support::otlp::{assert_taken, body, gauge, int, labelled, now};
use support::server::folder;
use support::webhook::{TORN, Webhook};
use support::{Server, eventually};
use tempfile::TempDir;

const ALLOWED: &str = "[outgoing]\nallow = [\"127.0.0.0/8\"]";
const IN_TIME: Duration = Duration::from_secs(30);

/// `deep` fires above 5, by host; `control` from 5 on.
const RULES: &str = r#"
groups:
- name: tests
  rules:
  - id: deep
    name: Queue is deep
    metric: queue.depth
    aggregation: max
    window: 2s
    groupBy: [host]
    thresholds: [{severity: CRITICAL, op: ">", value: 5}]
    labels: {team: payments}
    annotations: {summary: "{{ value }} wait on {{ labels.host }} <!channel>"}
    channels: [ops]
  - id: control
    name: Control
    metric: queue.control
    aggregation: max
    window: 2s
    thresholds: [{severity: INFO, op: ">=", value: 5}]
    channels: [ops]
"#;

fn start(folder: &TempDir, webhook: &Webhook, outgoing: &str) -> Server {
    let rules = folder.path().join("rules.yaml");
    fs::write(&rules, RULES).expect("the rules are written");
    let address = webhook.address;
    let extra = format!(
        "[ingest]\nbatch_age_max = \"1ms\"\n[alerting]\nrules = {rules:?}\n{outgoing}\n\
         [channels.ops]\nkind = \"slack\"\nurl = \"http://{address}/services/T000/B000/XXXX\""
    );
    Server::start(folder, &extra)
}

fn post(server: &Server, metric: &str, host: &str, value: i64) {
    let point = labelled(int(now(), value), &[("host", host)]);
    assert_taken(&server.post_metrics(&body(vec![gauge(metric, vec![point])]), &[]));
}

fn says(message: &Value, words: &[&str]) -> bool {
    let text = message.to_string();
    words.iter().all(|word| text.contains(word))
}

fn delivered(webhook: &Webhook, words: &[&str]) -> Option<Value> {
    webhook.delivered().into_iter().find(|message| says(message, words))
}

/// Sends the value every 20 ms until a message with these words was taken.
fn post_until_told(server: &Server, webhook: &Webhook, host: &str, value: i64, words: &[&str]) -> Value {
    eventually(&format!("a message with {words:?}"), IN_TIME, || {
        post(server, "queue.depth", host, value);
        delivered(webhook, words)
    })
}

/// As Slack wants it: a text for notifications, and blocks with a header, fields and context.
fn assert_is_a_slack_message(message: &Value) {
    assert!(message["text"].as_str().is_some_and(|text| !text.is_empty()), "{message}");
    let blocks = message["attachments"][0]["blocks"].as_array().expect("blocks");
    let kinds: Vec<&str> = blocks.iter().map(|block| block["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["header", "section", "context"], "{message}");
    assert_eq!(blocks[0]["text"]["type"], "plain_text");
    assert!(
        blocks[1]["fields"].as_array().is_some_and(|fields| (1..=10).contains(&fields.len())),
        "{message}"
    );
}

#[test]
fn a_threshold_that_is_passed_is_told_and_its_end_after_it() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = start(&folder, &webhook, ALLOWED);
    post(&server, "queue.depth", "a", 5);
    post(&server, "queue.control", "a", 5);
    eventually("the control", IN_TIME, || delivered(&webhook, &["Control"]));
    assert_eq!(delivered(&webhook, &["Queue is deep"]), None, "5 is not above 5");

    post(&server, "queue.depth", "a", 9);
    let firing = eventually("the alert", IN_TIME, || delivered(&webhook, &["Queue is deep"]));
    assert_is_a_slack_message(&firing);
    for word in ["CRITICAL", "Queue is deep", "9 (threshold > 5)", "host=a", "team=payments", "Rule deep"] {
        let escaped = word.replace('>', "&gt;");
        assert!(says(&firing, &[&escaped]), "{word} in {firing}");
    }
    assert!(says(&firing, &["9 wait on a &lt;!channel&gt;"]) && !says(&firing, &["<!channel>"]), "{firing}");
    let sent = webhook.posted();
    let request = sent.iter().find(|posted| posted.body == firing).expect("its request");
    assert_eq!(
        (request.path.as_str(), request.content_type.as_str()),
        ("/services/T000/B000/XXXX", "application/json")
    );

    let resolved = post_until_told(&server, &webhook, "a", 1, &["Resolved", "Queue is deep"]);
    assert_is_a_slack_message(&resolved);
    assert!(says(&resolved, &["host=a", "no longer", "Peak"]), "{resolved}");
    let about: Vec<Value> = webhook.delivered().into_iter().filter(|m| says(m, &["Queue is deep"])).collect();
    assert_eq!(about, [firing, resolved], "one message each, in order");
    let transitions = |kind| server.measured("telemetryflow_alerting_transitions_total", &[kind]);
    assert!(transitions("firing") >= 2 && transitions("resolved") >= 1);
    assert!(server.stop().status.success());
}

#[test]
fn what_is_told_is_told_within_two_seconds() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = start(&folder, &webhook, ALLOWED);
    let mut times = ["a", "b", "c", "d", "e"].map(|host| {
        post(&server, "queue.depth", host, 9);
        let answered = Instant::now();
        eventually("the alert", IN_TIME, || delivered(&webhook, &["CRITICAL", &format!("host={host}")]));
        answered.elapsed()
    });
    times.sort_unstable();
    // The machine may stand still for one or two.
    assert!(times[2] < Duration::from_secs(2), "{times:?}");
}

#[test]
fn groups_fire_apart_and_an_alert_whose_data_stops_resolves() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = start(&folder, &webhook, ALLOWED);
    let mut listener = Listener::open(&server, "/api/v2/stream?events=alerts", &[]);
    for host in ["a", "b"] {
        post(&server, "queue.depth", host, 8);
    }
    post(&server, "queue.depth", "c", 2);
    for host in ["host=a", "host=b"] {
        eventually(host, IN_TIME, || delivered(&webhook, &["CRITICAL", host]));
    }
    for host in ["host=a", "host=b"] {
        let resolved = eventually("its end", IN_TIME, || delivered(&webhook, &["Resolved", host]));
        assert!(says(&resolved, &["no data"]), "{resolved}");
    }
    let all = webhook.delivered();
    assert_eq!(all.len(), 4, "{all:#?}");
    assert!(!all.iter().any(|message| says(message, &["host=c"])));

    let heard: BTreeSet<(String, String)> = all
        .iter()
        .map(|_| {
            let alert = listener.next().expect("an event").data;
            assert_eq!((&alert["ruleId"], &alert["labels"]["team"]), (&json!("deep"), &json!("payments")));
            (alert["state"].to_string(), alert["labels"]["host"].to_string())
        })
        .collect();
    let expected = ["a", "b"].map(|host| ["triggered", "resolved"].map(|state| (state, host)));
    let expected = expected.into_iter().flatten();
    assert_eq!(
        heard,
        expected.map(|(state, host)| (json!(state).to_string(), json!(host).to_string())).collect()
    );
}

#[test]
fn a_webhook_that_refuses_for_a_while_gets_one_firing_and_then_its_end() {
    let script = [(429, "retry-after: 1\r\n"), (500, ""), TORN];
    let (folder, webhook) = (folder(), Webhook::start(&script));
    let server = start(&folder, &webhook, ALLOWED);
    post_until_told(&server, &webhook, "a", 9, &["CRITICAL", "host=a"]);
    post_until_told(&server, &webhook, "a", 1, &["Resolved", "host=a"]);

    let posted = webhook.posted();
    let statuses: Vec<u16> = posted.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [429, 500, TORN.0, 200, 200], "{posted:#?}");
    let waited = posted[1].at - posted[0].at;
    assert!(waited >= Duration::from_millis(900), "Retry-After was 1 s, and it waited {waited:?}");
    assert!(posted[..4].iter().all(|request| request.body == posted[0].body), "{posted:#?}");
    assert!(says(&posted[4].body, &["Resolved"]), "{posted:#?}");
    let counted = |result: &str| {
        let result = format!("result=\"{result}\"");
        server.measured("telemetryflow_alerting_notifications_total", &["channel=\"ops\"", &result])
    };
    eventually("both are counted", IN_TIME, || (counted("sent") == 2).then_some(()));
    assert_eq!((counted("retried"), counted("failed")), (3, 0));
}

#[test]
fn a_webhook_in_a_private_network_is_not_called_unless_it_is_allowed() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = start(&folder, &webhook, "");
    post(&server, "queue.depth", "a", 9);
    let failed = || server.measured("telemetryflow_alerting_notifications_total", &["result=\"failed\""]);
    eventually("the failure is counted", IN_TIME, || (failed() >= 1).then_some(()));
    let stopped = server.stop();
    assert!(stopped.status.success());
    assert!(!stopped.stderr.contains("B000"), "{}", stopped.stderr);
    assert_eq!(webhook.posted().len(), 0);
}
