//! Scenario: the server watches itself; its store goes away and comes back; people look at the rules, and put their own in their place.
//! Guarantees: a store that takes nothing for a minute is told to the channel that is named for it, and so is its end; nothing
//! of what the server measures about itself is stored; a built-in rule gives way to one with its id, and comes back after it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::faulty::Faulty;
use support::http::request;
use support::otlp::{assert_taken, body, gauge, int, now};
use support::server::folder;
use support::webhook::Webhook;
use support::{Connection, Server, eventually};

/// What is told at once, on a busy machine.
const IN_TIME: Duration = Duration::from_secs(50);
/// A minute, and the same.
const AFTER_A_MINUTE: Duration = Duration::from_secs(170);
const RULE: &str = "/api/v2/alert-rules/telemetryflow-store-down";

fn configuration(webhook: &Webhook) -> String {
    format!(
        "[ingest]\ndurability = \"journal\"\n[alerting]\nown_channels = [\"ops\"]\n\
         [outgoing]\nallow = [\"127.0.0.0/8\"]\n\
         [channels.ops]\nkind = \"webhook\"\nurl = \"http://{}/\"",
        webhook.address
    )
}

fn post(server: &Server, value: i64) {
    assert_taken(&server.post_metrics(&body(vec![gauge("queue.depth", vec![int(now(), value)])]), &[]));
}

/// The message with these words.
fn delivered(webhook: &Webhook, words: &[&str]) -> Option<Value> {
    webhook.delivered().into_iter().find(|message| {
        let text = message.to_string();
        words.iter().all(|word| text.contains(word))
    })
}

#[test]
fn a_store_that_goes_away_is_told_after_a_minute_and_so_is_its_return() {
    let webhook = Webhook::start(&[]);
    let faulty = Faulty::start("up", &configuration(&webhook));
    post(&faulty.server, 1);
    eventually("the watchdog", IN_TIME, || delivered(&webhook, &["Watchdog", "INFO"]));
    faulty.until("the point is stored", || {
        faulty.server.get("/api/v2/metrics").json().to_string().contains("queue.depth")
    });
    let catalogue = faulty.server.get("/api/v2/metrics").json().to_string();
    assert!(!catalogue.contains("telemetryflow."), "{catalogue}");

    faulty.order("down");
    post(&faulty.server, 2);
    let firing = eventually("the store is down", AFTER_A_MINUTE, || delivered(&webhook, &["StoreDown"]));
    let alert = &firing["alerts"][0];
    assert_eq!((&alert["status"], &alert["labels"]["severity"]), (&json!("firing"), &json!("CRITICAL")));
    assert_eq!(alert["annotations"]["runbook_url"], "docs/runbooks/store-down.md");

    faulty.order("up");
    let told = || delivered(&webhook, &["StoreDown", "\"status\":\"resolved\""]);
    eventually("the store is back", IN_TIME, told);
    let told = webhook.delivered();
    let names: Vec<&Value> =
        told.iter().map(|message| &message["alerts"][0]["labels"]["alertname"]).collect();
    assert_eq!(names, ["Watchdog", "StoreDown", "StoreDown"], "{told:#?}");
    faulty.stop();
}

#[test]
fn a_built_in_rule_gives_way_to_one_with_its_id_and_comes_back_after_it() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = Server::start(&folder, &configuration(&webhook));
    let origin = || server.get(RULE).json()["origin"].clone();
    assert_eq!(origin(), "built-in");
    let ask = |method: &str, body: &[u8]| {
        let headers = [("if-match", "*"), ("connection", "close")];
        Connection::open(server.api).ask(&request(method, RULE, &headers, body)).status
    };
    assert_eq!(ask("DELETE", b""), 409);
    let quiet = json!({
        "metric": "telemetryflow.store.failing", "aggregation": "last", "window": "15s", "enabled": false,
        "thresholds": [{"severity": "WARN", "op": ">=", "value": 600}]
    });
    assert_eq!(ask("PUT", quiet.to_string().as_bytes()), 201);
    assert_eq!(origin(), "api");
    let listed = server.get("/api/v2/alert-rules").json().to_string();
    assert_eq!(
        listed.matches("\"id\":\"telemetryflow-store-down\"").count(),
        2,
        "the rule and what was written"
    );
    assert_eq!(ask("DELETE", b""), 204);
    assert_eq!(origin(), "built-in");
}
