//! Scenario: rules over log records and spans of two tenants. They are tried on what is stored, over the API and on the command
//! line; made after records were sent; and taken through a kill.
//! Guarantees: a rule sees what was stored of its own tenant, as it would have when it came, and each record once.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{SECOND, now};
use support::server::{folder, program};
use support::signals::Tenant;
use support::{Answer, Connection, Server, eventually};
use tempfile::TempDir;

const IN_TIME: Duration = Duration::from_secs(30);
const QUIET: &str = "[alerting]\nown_rules = false\n";

fn resource(service: &str) -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]})
}

/// Log records with these times, severity numbers and bodies.
fn logs(service: &str, records: &[(u64, i32, &str)]) -> Value {
    let record = |(time, severity, body): &(u64, i32, &str)| json!({"timeUnixNano": time.to_string(), "severityNumber": severity, "body": {"stringValue": body}});
    let records: Vec<Value> = records.iter().map(record).collect();
    json!({"resourceLogs": [{"resource": resource(service), "scopeLogs": [{"logRecords": records}]}]})
}

/// Spans of a server with these starts, durations in milliseconds and status codes.
fn spans(service: &str, all: &[(u64, u64, i32)]) -> Value {
    let span = |(start, took, status): &(u64, u64, i32)| {
        json!({
        "traceId": format!("{:032x}", start + took), "spanId": format!("{start:016x}"), "name": "GET /", "kind": 2,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + took * 1_000_000).to_string(),
        "status": {"code": status}})
    };
    let all: Vec<Value> = all.iter().map(span).collect();
    json!({"resourceSpans": [{"resource": resource(service), "scopeSpans": [{"spans": all}]}]})
}

fn rule(id: &str, source: &str, filter: &str, aggregation: &str, window: &str, value: f64) -> Value {
    json!({
        "id": id, "source": source, "filter": filter, "aggregation": aggregation, "window": window,
        "groupBy": ["service.name"], "thresholds": [{"severity": "WARN", "op": ">", "value": value}],
    })
}

const TIMEOUTS: &str = r#"severity in ("error", "fatal") and body =~ "timeout.*" and service.name exists"#;
const SERVED: &str = r#"kind = "server" and name = "GET /""#;

fn ask(server: &Server, tenant: &Tenant, method: &str, path: &str, body: &Value) -> Answer {
    let headers =
        [("content-type", "application/json"), ("connection", "close"), ("authorization", tenant.bearer())];
    Connection::open(server.api).ask(&request(method, path, &headers, body.to_string().as_bytes()))
}

/// A minute of the past, in which it goes badly from second 20 to 39.
fn send_a_bad_minute(server: &Server, tenant: &Tenant, service: &str, start: u64) {
    let at = |second: u64, nanos: u64| start + second * SECOND + nanos;
    let (mut records, mut served) = (Vec::new(), Vec::new());
    for second in 0..60 {
        let is_bad = (20..40).contains(&second);
        records.push((at(second, 0), 9, "fine"));
        records.push((at(second, 1), 17, "wrong, but no timeout"));
        if is_bad {
            records.extend([(at(second, 2), 17, "timeout a"), (at(second, 3), 21, "timeout b")]);
        }
        served.push((at(second, 0), if is_bad { 900 } else { 100 }, if is_bad { 2 } else { 1 }));
    }
    tenant.send_json(server, "/v1/logs", &logs(service, &records));
    tenant.send_json(server, "/v1/traces", &spans(service, &served));
}

#[test]
fn rules_over_records_are_tried_on_what_is_stored() {
    let (folder, shop, bank) = (folder(), Tenant::new("shop"), Tenant::new("bank"));
    let server = Tenant::server_with(&folder, &[&shop, &bank], QUIET);
    let start = now() / SECOND * SECOND - 600 * SECOND;
    send_a_bad_minute(&server, &shop, "till", start);
    send_a_bad_minute(&server, &bank, "safe", start);
    let rules = [
        rule("timeouts", "logs", TIMEOUTS, "count", "10s", 5.0),
        rule("chatter", "logs", "", "rate", "10s", 2.5),
        rule("slow", "spans", SERVED, "max", "10s", 0.5),
        rule("p90", "spans", SERVED, "p90", "5s", 0.5),
        rule("errors", "spans", SERVED, "error_ratio", "10s", 0.45),
        rule("no-errors", "spans", r#"status = "error" and kind = "client""#, "count", "10s", 0.0),
    ];
    let tried = |rule: &Value, from: u64, to: u64| -> Vec<(u64, String)> {
        let milliseconds = |at: u64| (start + at * SECOND) / 1_000_000;
        let question = json!({"rule": rule, "start": milliseconds(from), "end": milliseconds(to)});
        let answer = ask(&server, &shop, "POST", "/api/v2/alert-rules/backtest", &question);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let all = answer.json()["transitions"].as_array().expect("transitions").clone();
        let told = |one: &Value| {
            assert_eq!(one["labels"]["service.name"], "till", "{one}");
            let at = one["at"].as_u64().expect("a time") - milliseconds(0);
            (
                at / 1_000,
                format!(
                    "{} {}",
                    one["kind"].as_str().expect("a word"),
                    one["reason"].as_str().expect("a text")
                ),
            )
        };
        all.iter().map(told).collect()
    };
    let firing = |rule: &Value, at: u64, reason: &str| {
        let told = tried(rule, 0, 120);
        assert_eq!(told[0], (at, format!("firing {reason}")), "{rule}");
        assert_eq!(told.len(), 2, "it is over in the end: {told:?}");
    };
    firing(&rules[0], 22, "count 6 > 5");
    firing(&rules[1], 22, "rate 2.6 > 2.5");
    firing(&rules[2], 20, "max 0.9 > 0.5");
    assert_eq!(tried(&rules[3], 0, 120).len(), 2);
    firing(&rules[4], 25, "error_ratio 0.5 > 0.45");
    assert_eq!(tried(&rules[5], 0, 120), []);
    // The window is full when the time begins.
    assert_eq!(tried(&rules[0], 30, 31), [(30, "firing count 20 > 5".to_owned())]);
    server.stop();

    let told = backtest_on_the_command_line(&folder, &rules, "timeouts");
    assert_eq!(told.len(), 4, "two of each tenant: {told:?}");
    for (service, tenant) in [("till", "shop"), ("safe", "bank")] {
        let of_tenant = told.iter().filter(|line| line.contains(tenant) && line.contains(service));
        assert_eq!(of_tenant.count(), 2, "{told:?}");
    }
}

/// The lines of transitions.
fn backtest_on_the_command_line(folder: &TempDir, rules: &[Value], rule: &str) -> Vec<String> {
    let path: PathBuf = folder.path().join("rules.yaml");
    fs::write(&path, json!({"groups": [{"name": "g", "rules": rules}]}).to_string())
        .expect("the rules are written");
    let mut command = program();
    command.args(["rules", "backtest", "--from", "now-1h", "--rule", rule]);
    command.arg("--config").arg(folder.path().join("config.toml")).arg("--rules").arg(&path);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines()
        .filter(|line| line.contains("firing") || line.contains("resolved"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn windows_over_records_are_filled_when_a_rule_is_made_and_after_a_kill() {
    let (folder, shop, bank) = (folder(), Tenant::new("shop"), Tenant::new("bank"));
    let server = Tenant::server_with(&folder, &[&shop, &bank], QUIET);
    let send = |server: &Server, tenant: &Tenant, count: u64| {
        let sent = now();
        let records: Vec<_> = (0..count).map(|number| (sent + number, 17, "timeout")).collect();
        let served: Vec<_> = (0..count).map(|number| (sent - SECOND + number, 900, 2)).collect();
        tenant.send_json(server, "/v1/logs", &logs("till", &records));
        tenant.send_json(server, "/v1/traces", &spans("till", &served));
    };
    send(&server, &bank, 9);
    for _ in 0..2 {
        send(&server, &shop, 3);
    }
    let put = |server: &Server, id: &str, source: &str, aggregation: &str, value: f64| {
        let filter = if source == "logs" { TIMEOUTS } else { SERVED };
        let rule = rule(id, source, filter, aggregation, "10m", value);
        let answer = ask(server, &shop, "POST", "/api/v2/alert-rules", &rule);
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    let fires = |server: &Server, id: &str, reason: &str| {
        let path = format!("/api/v2/alert-rules/{id}/history");
        let reasons = || shop.json(server, &path)["transitions"].clone();
        let first = eventually(reason, IN_TIME, || reasons().get(0).cloned());
        assert_eq!((&first["kind"], &first["reason"]), (&json!("firing"), &json!(reason)));
    };
    put(&server, "logs-5", "logs", "count", 5.0);
    put(&server, "spans-5", "spans", "count", 5.0);
    put(&server, "logs-8", "logs", "count", 8.0);
    put(&server, "spans-8", "spans", "increase", 8.0);
    fires(&server, "logs-5", "count 6 > 5");
    fires(&server, "spans-5", "count 6 > 5");
    server.kill();

    let server = Tenant::server_with(&folder, &[&shop, &bank], QUIET);
    send(&server, &shop, 3);
    fires(&server, "logs-8", "count 9 > 8");
    fires(&server, "spans-8", "increase 9 > 8");
    assert!(server.stop().status.success());
}
