//! Scenario: alerts of a server that is killed and started again, and rules that are made, changed and taken away while it runs.
//! Guarantees: what fired goes on firing without a new message and resolves after the restart; windows are filled from the store,
//! also those of rules that are new; an incident that somebody resolved is over until it gets worse; a message that was not
//! taken is sent by the next process; a rule is in force when the API says so, changes only for who knows
//! its version, and is nobody else's; a wrong rule file leaves the old rules in force.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{assert_taken, body, gauge, int, labelled, now};
use support::server::folder;
use support::webhook::Webhook;
use support::{Answer, Connection, Server, eventually};
use tempfile::TempDir;

const IN_TIME: Duration = Duration::from_secs(30);
/// Longer than a test takes.
const LONG: &str = "10m";

fn channel(webhook: &Webhook) -> String {
    format!("[ingest]\nbatch_age_max = \"1ms\"\n{}[alerting]\nown_rules = false\n", ops(webhook))
}

fn ops(webhook: &Webhook) -> String {
    let address = webhook.address;
    format!(
        "[outgoing]\nallow = [\"127.0.0.0/8\"]\n\
         [channels.ops]\nkind = \"slack\"\nurl = \"http://{address}/services/T/B/X\"\n"
    )
}

fn rule(id: &str, aggregation: &str, window: &str, value: f64) -> Value {
    json!({
        "id": id, "name": format!("Rule {id}"), "metric": "queue.depth", "aggregation": aggregation, "window": window,
        "groupBy": ["host"], "thresholds": [{"severity": "CRITICAL", "op": ">", "value": value}], "channels": ["ops"],
    })
}

/// Starts with rules in a file.
fn start(folder: &TempDir, webhook: &Webhook, rules: &[Value]) -> Server {
    let path = write_rules(folder, rules);
    Server::start(folder, &format!("{}rules = {path:?}", channel(webhook)))
}

fn write_rules(folder: &TempDir, rules: &[Value]) -> std::path::PathBuf {
    let path = folder.path().join("rules.yaml");
    let text = json!({ "groups": [{ "name": "tests", "rules": rules }] }).to_string();
    fs::write(&path, text).expect("the rules are written");
    path
}

fn post(server: &Server, host: &str, value: i64) {
    let point = labelled(int(now(), value), &[("host", host)]);
    assert_taken(&server.post_metrics(&body(vec![gauge("queue.depth", vec![point])]), &[]));
}

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let all = [headers, &[("content-type", "application/json"), ("connection", "close")]].concat();
    Connection::open(server.api).ask(&request(method, path, &all, body.as_bytes()))
}

fn told(webhook: &Webhook, words: &[&str]) -> Vec<Value> {
    let all = webhook.delivered().into_iter();
    all.filter(|message| words.iter().all(|word| message.to_string().contains(word))).collect()
}

fn wait_until_told(webhook: &Webhook, words: &[&str]) -> Value {
    eventually(&format!("a message with {words:?}"), IN_TIME, || told(webhook, words).pop())
}

fn incidents(server: &Server, state: &str) -> Vec<Value> {
    let answer = server.get(&format!("/api/v2/incidents?state={state}"));
    answer.json()["incidents"].as_array().expect("incidents").clone()
}

#[test]
fn what_fired_before_a_kill_goes_on_firing_in_silence_and_resolves_after_it() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    // Longer than a restart takes on a busy machine.
    let rules = [rule("deep", "max", "10s", 5.0)];
    let server = start(&folder, &webhook, &rules);
    post(&server, "a", 9);
    wait_until_told(&webhook, &["CRITICAL", "host=a"]);
    let before = eventually("the incident", IN_TIME, || incidents(&server, "open").pop());
    // A message of which it is not known yet that it was taken would be sent again.
    eventually("the message is settled", IN_TIME, || {
        (server.get("/api/v2/channels").json()["channels"][0]["waiting"] == 0).then_some(())
    });
    server.kill();

    let server = start(&folder, &webhook, &rules);
    // It still has data that meets the threshold.
    post(&server, "a", 9);
    post(&server, "b", 9);
    wait_until_told(&webhook, &["CRITICAL", "host=b"]);
    assert_eq!(told(&webhook, &["CRITICAL", "host=a"]).len(), 1, "it was told before the restart");
    wait_until_told(&webhook, &["Resolved", "host=a"]);
    let after = eventually("its end", IN_TIME, || {
        incidents(&server, "resolved").into_iter().find(|incident| incident["id"] == before["id"])
    });
    let what: Vec<&str> = after["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .map(|entry| entry["what"].as_str().expect("a word"))
        .collect();
    assert_eq!(what, ["opened", "resolved"]);
    let history = server.get("/api/v2/alert-rules/deep/history").json();
    let kinds = |host: &str| -> Vec<String> {
        let all = history["transitions"].as_array().expect("transitions").iter();
        all.filter(|one| one["labels"]["host"] == host)
            .map(|one| one["kind"].as_str().expect("a kind").to_owned())
            .collect()
    };
    assert_eq!(kinds("a"), ["resolved", "firing"], "{history}");
}

#[test]
fn an_incident_that_somebody_resolved_is_over_until_it_gets_worse_also_after_a_kill() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let mut deep = rule("deep", "max", LONG, 50.0);
    let warn = json!({"severity": "WARN", "op": ">", "value": 5});
    deep["thresholds"].as_array_mut().expect("thresholds").push(warn);
    let rules = [deep];
    let server = start(&folder, &webhook, &rules);
    post(&server, "a", 9);
    wait_until_told(&webhook, &["WARN", "host=a"]);
    let incident = eventually("the incident", IN_TIME, || incidents(&server, "open").pop());
    let path = format!("/api/v2/incidents/{}", incident["id"].as_str().expect("an id"));
    let resolve = |server: &Server, body: &Value| ask(server, "POST", &format!("{path}/resolve"), &[], body);
    assert_eq!(resolve(&server, &json!({"by": "ada"})).status, 400);
    assert_eq!(resolve(&server, &json!({"by": "ada", "reason": ""})).status, 400);
    let why = json!({"by": "ada", "reason": "disk replaced"});
    let answer = resolve(&server, &why);
    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("resolved")), "{}", answer.text());
    let message = wait_until_told(&webhook, &["Resolved", "host=a"]);
    assert!(message.to_string().contains("by ada: disk replaced"), "{message}");
    assert_eq!(resolve(&server, &why).status, 409);
    eventually("the message is settled", IN_TIME, || {
        (server.get("/api/v2/channels").json()["channels"][0]["waiting"] == 0).then_some(())
    });
    server.kill();

    let server = start(&folder, &webhook, &rules);
    post(&server, "a", 8);
    post(&server, "b", 9);
    wait_until_told(&webhook, &["WARN", "host=b"]);
    assert_eq!(told(&webhook, &["WARN", "host=a"]).len(), 1, "nothing more is told of it");
    assert_eq!(server.get(&path).json()["state"], "resolved");
    post(&server, "a", 99);
    wait_until_told(&webhook, &["CRITICAL", "host=a"]);
    let after = server.get(&path).json();
    let what: Vec<&str> = after["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .map(|entry| entry["what"].as_str().expect("a word"))
        .collect();
    assert_eq!((what, &after["state"]), (vec!["opened", "resolved", "reopened"], &json!("open")));
}

#[test]
fn windows_are_filled_with_what_was_stored_before_a_restart() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let rules = [rule("busy", "sum", LONG, 100.0)];
    let server = start(&folder, &webhook, &rules);
    for _ in 0..3 {
        post(&server, "a", 30);
    }
    eventually("the points are evaluated", IN_TIME, || {
        (server.measured("telemetryflow_alerting_instances", &[]) == 1).then_some(())
    });
    server.kill();
    assert_eq!(told(&webhook, &["busy"]), Vec::<Value>::new());

    let server = start(&folder, &webhook, &rules);
    post(&server, "a", 30);
    let message = wait_until_told(&webhook, &["Rule busy", "host=a"]);
    assert!(message.to_string().contains("120 (threshold &gt; 100)"), "{message}");
    assert!(server.stop().status.success());
}

#[test]
fn a_message_that_nobody_took_is_sent_by_the_next_process() {
    let (folder, webhook) = (folder(), Webhook::start(&[(503, "retry-after: 3600\r\n")]));
    let rules = [rule("deep", "max", "5m", 5.0)];
    let server = start(&folder, &webhook, &rules);
    post(&server, "a", 9);
    eventually("the first try", IN_TIME, || (webhook.posted().len() == 1).then_some(()));
    server.kill();
    assert!(webhook.delivered().is_empty());
    let _server = start(&folder, &webhook, &rules);
    wait_until_told(&webhook, &["CRITICAL", "host=a"]);
    assert_eq!(webhook.delivered().len(), 1);
}

#[test]
fn a_rule_of_the_api_is_in_force_when_the_answer_comes_and_after_a_restart_until_it_is_taken_away() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = Server::start(&folder, &channel(&webhook));
    // The series is known before the rule is.
    post(&server, "a", 1);
    let made = ask(&server, "POST", "/api/v2/alert-rules", &[], &rule("deep", "max", "5m", 5.0));
    assert_eq!(
        (made.status, made.header("location")),
        (201, Some("/api/v2/alert-rules/deep")),
        "{}",
        made.text()
    );
    assert_eq!(made.header("etag"), Some("\"1\""));
    post(&server, "a", 9);
    wait_until_told(&webhook, &["CRITICAL", "host=a"]);
    server.kill();

    let server = Server::start(&folder, &channel(&webhook));
    let one = server.get("/api/v2/alert-rules/deep").json();
    assert_eq!(
        (&one["origin"], &one["version"], &one["firing"]),
        (&json!("api"), &json!(1), &json!(1)),
        "{one}"
    );
    assert_eq!(one["instances"][0]["state"], "firing");

    let twice = ask(&server, "POST", "/api/v2/alert-rules", &[], &rule("deep", "max", "5m", 5.0));
    assert_eq!(twice.status, 409, "{}", twice.text());
    let changed = rule("deep", "max", "5m", 50.0);
    let path = "/api/v2/alert-rules/deep";
    assert_eq!(ask(&server, "PUT", path, &[], &changed).status, 428);
    assert_eq!(ask(&server, "PUT", path, &[("if-match", "\"7\"")], &changed).status, 412);
    let done = ask(&server, "PUT", path, &[("if-match", "\"1\"")], &changed);
    assert_eq!((done.status, done.header("etag")), (200, Some("\"2\"")), "{}", done.text());
    // It measures the same, so its window stays, and 9 is not above 50.
    wait_until_told(&webhook, &["Resolved", "host=a"]);

    let off = ask(&server, "POST", "/api/v2/alert-rules/deep/disable", &[], &Value::Null);
    assert_eq!((off.status, &off.json()["enabled"]), (200, &json!(false)));
    assert_eq!(ask(&server, "DELETE", path, &[("if-match", "\"2\"")], &Value::Null).status, 412);
    assert_eq!(ask(&server, "DELETE", path, &[], &Value::Null).status, 204);
    assert_eq!(server.get(path).status, 404);
    assert!(server.stop().status.success());
}

#[test]
fn a_rule_that_is_made_changed_or_switched_on_looks_at_what_was_stored_before_it() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = Server::start(&folder, &channel(&webhook));
    for _ in 0..4 {
        post(&server, "a", 30);
    }
    let path = "/api/v2/alert-rules/busy";
    let kinds = || -> Vec<String> {
        let history = server.get(&format!("{path}/history")).json();
        let all = history["transitions"].as_array().expect("transitions").iter();
        all.map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect()
    };
    let fires = |times: usize| {
        let expected = [&["firing"][..], &["resolved", "firing"].repeat(times - 1)].concat();
        eventually("it fires without another point", IN_TIME, || (kinds() == expected).then_some(()));
    };
    let made = ask(&server, "POST", "/api/v2/alert-rules", &[], &rule("busy", "sum", LONG, 100.0));
    assert_eq!(made.status, 201, "{}", made.text());
    let message = wait_until_told(&webhook, &["Rule busy", "host=a"]);
    assert!(message.to_string().contains("120 (threshold &gt; 100)"), "{message}");
    fires(1);
    let changed = ask(&server, "PUT", path, &[("if-match", "*")], &rule("busy", "sum", "20m", 119.0));
    assert_eq!(changed.status, 200, "{}", changed.text());
    fires(2);
    assert_eq!(ask(&server, "POST", &format!("{path}/disable"), &[], &Value::Null).status, 200);
    assert_eq!(ask(&server, "POST", &format!("{path}/enable"), &[], &Value::Null).status, 200);
    fires(3);
    // It goes on with what comes: nothing is counted twice, and nothing is missing.
    let changed = ask(&server, "PUT", path, &[("if-match", "*")], &rule("busy", "sum", "20m", 140.0));
    assert_eq!(changed.status, 200, "{}", changed.text());
    eventually("it is over", IN_TIME, || (kinds()[0] == "resolved").then_some(()));
    post(&server, "a", 30);
    let reason = || server.get(&format!("{path}/history")).json()["transitions"][0]["reason"].clone();
    eventually("it fires again", IN_TIME, || (reason() == "sum 150 > 140").then_some(()));
}

#[test]
fn a_wrong_rule_is_refused_with_its_field_and_the_reason() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = Server::start(&folder, &channel(&webhook));
    let with = |field: &str, value: Value| {
        let mut rule = rule("deep", "max", "5m", 5.0);
        rule[field] = value;
        rule
    };
    for (body, field, reason) in [
        (with("window", json!("25h")), "window", "a window is 1s to 24h"),
        (with("windw", json!("5m")), "windw", "did you mean 'window'?"),
        (with("channels", json!(["nowhere"])), "channels.nowhere", "no channel of this name is configured"),
        (with("tenant", json!("other")), "tenant", "looks at its own tenant alone"),
        (with("annotations", json!({"summary": "{{ x"})), "annotations.summary", "not a valid template"),
        (with("thresholds", json!([])), "thresholds", "at least one threshold"),
    ] {
        let answer = ask(&server, "POST", "/api/v2/alert-rules", &[], &body);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["field"]), (400, &json!(field)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(reason)), "{problem}");
    }
    for text in ["", "[]", "5", "{", "{\"id\": 5}"] {
        let sent = request("POST", "/api/v2/alert-rules", &[("connection", "close")], text.as_bytes());
        assert_eq!(Connection::open(server.api).ask(&sent).status, 400, "{text}");
    }
    assert_eq!(server.get("/api/v2/alert-rules").json()["rules"], json!([]));
}

#[test]
fn rules_and_incidents_are_their_tenants_alone() {
    use support::signals::Tenant;
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let (shop, bank) = (Tenant::new("shop"), Tenant::new("bank"));
    let server = Tenant::server_with(&folder, &[&shop, &bank], &ops(&webhook));
    let as_shop = [("authorization", shop.bearer())];
    let made = ask(&server, "POST", "/api/v2/alert-rules", &as_shop, &rule("deep", "max", "5m", 5.0));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(shop.json(&server, "/api/v2/alert-rules")["rules"][0]["id"], "deep");
    assert_eq!(bank.json(&server, "/api/v2/alert-rules")["rules"], json!([]));
    assert_eq!(bank.ask(&server, "/api/v2/alert-rules/deep").status, 404);
    let as_bank = [("authorization", bank.bearer())];
    assert_eq!(ask(&server, "DELETE", "/api/v2/alert-rules/deep", &as_bank, &Value::Null).status, 404);

    for tenant in [&shop, &bank] {
        let point = labelled(int(now(), 9), &[("host", "a")]);
        let metrics = body(vec![gauge("queue.depth", vec![point])]);
        assert_taken(&server.post_metrics(&metrics, &[("authorization", tenant.bearer())]));
    }
    let incident = eventually("the incident", IN_TIME, || {
        shop.json(&server, "/api/v2/incidents")["incidents"].get(0).cloned()
    });
    assert_eq!(bank.json(&server, "/api/v2/incidents")["incidents"], json!([]));
    let path = format!("/api/v2/incidents/{}", incident["id"].as_str().expect("an id"));
    assert_eq!(bank.ask(&server, &path).status, 404);
    let take = json!({"by": "ada", "note": "on it"});
    assert_eq!(ask(&server, "POST", &format!("{path}/acknowledge"), &as_bank, &take).status, 404);
    let taken = ask(&server, "POST", &format!("{path}/acknowledge"), &as_shop, &take);
    assert_eq!((taken.status, &taken.json()["acknowledgedBy"]), (200, &json!("ada")), "{}", taken.text());
    let assigned = ask(&server, "POST", &format!("{path}/assign"), &as_shop, &json!({"to": "bob"}));
    assert_eq!(assigned.json()["assignee"], "bob");
}

#[test]
fn rule_files_are_read_again_on_a_hangup_and_wrong_ones_change_nothing() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = start(&folder, &webhook, &[rule("one", "max", "5m", 5.0)]);
    let ids = || -> Vec<String> {
        let rules = server.get("/api/v2/alert-rules").json();
        let all = rules["rules"].as_array().expect("rules").iter();
        all.map(|rule| rule["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(), ["one"]);
    write_rules(&folder, &[rule("one", "max", "5m", 5.0), json!({"id": "wrong"})]);
    hang_up(&server);
    eventually("the complaint", IN_TIME, || {
        server.log().contains("rule wrong: aggregation: is missing").then_some(())
    });
    assert_eq!(ids(), ["one"]);
    write_rules(&folder, &[rule("two", "max", "5m", 5.0)]);
    hang_up(&server);
    eventually("the new rules", IN_TIME, || (ids() == ["two"]).then_some(()));
    let of_file = ask(&server, "DELETE", "/api/v2/alert-rules/two", &[], &Value::Null);
    assert_eq!(of_file.status, 409, "{}", of_file.text());
    post(&server, "a", 9);
    wait_until_told(&webhook, &["Rule two", "host=a"]);
}

fn hang_up(server: &Server) {
    let id = i32::try_from(server.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(id, rustix::process::Signal::HUP).expect("the signal is sent");
}

#[test]
fn a_rule_is_tried_out_on_what_is_stored_and_in_simulated_time() {
    let (folder, webhook) = (folder(), Webhook::start(&[]));
    let server = Server::start(&folder, &channel(&webhook));
    for (host, value) in [("a", 9), ("b", 1)] {
        post(&server, host, value);
    }
    let end = now() / 1_000_000 + 1_000;
    let question = json!({"rule": rule("deep", "max", "10s", 5.0), "start": end - 60_000, "end": end});
    let answer = ask(&server, "POST", "/api/v2/alert-rules/backtest", &[], &question);
    let found = answer.json();
    assert_eq!((answer.status, &found["count"]), (200, &json!(1)), "{found}");
    assert_eq!(
        (&found["transitions"][0]["kind"], &found["transitions"][0]["labels"]["host"]),
        (&json!("firing"), &json!("a"))
    );
    assert_eq!(server.get("/api/v2/alert-rules").json()["rules"], json!([]), "it was only tried out");
    let neither = json!({"start": 1, "end": 2});
    assert_eq!(ask(&server, "POST", "/api/v2/alert-rules/backtest", &[], &neither).status, 400);

    let mut own = rule("deep", "max", "10s", 5.0);
    own["channels"] = json!([]);
    let series =
        json!([{"metric": "queue.depth", "labels": {"host": "a"}, "every": "1s", "values": "1x3 9"}]);
    let expected = |severity: &str| json!([{"at": "3s", "kind": "firing", "severity": severity}]);
    let tests = |severity| {
        json!({"groups": [{"name": "g", "rules": [own]}],
            "tests": [{"name": "t", "series": series, "expect": expected(severity)}]})
    };
    let passed = ask(&server, "POST", "/api/v2/alert-rules/test", &[], &tests("CRITICAL")).json();
    assert_eq!(passed["passed"], true, "{passed}");
    let failed = ask(&server, "POST", "/api/v2/alert-rules/test", &[], &tests("WARN")).json();
    assert_eq!(
        (&failed["passed"], &failed["tests"][0]["rows"][0]["verdict"]),
        (&json!(false), &json!("missing")),
        "{failed}"
    );
    let path = json!({"rules": "/etc/hosts", "tests": []});
    let refused = ask(&server, "POST", "/api/v2/alert-rules/test", &[], &path);
    assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("rules")));
    assert!(webhook.posted().is_empty());
}
