//! Scenario: people and programs that know Alertmanager speak to the server: amtool, and whatever posts alerts over HTTP.
//! Guarantees: alerts are raised, listed, grouped, silenced and resolved as Alertmanager does it; what is wrong is said; silences
//! outlast a restart; nobody sees or silences another tenant's alerts, and who may only read changes nothing.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use support::http::{encoded, request};
use support::server::{folder, program};
use support::{Answer, Connection, Server};

const ROUTING: &str = r#"
[channels.ops]
kind = "slack"
url = "https://hooks.slack.invalid/services/T/B/X"
[channels.page]
kind = "slack"
url = "https://hooks.slack.invalid/services/T/B/Y"
[alerting.route]
receiver = "ops"
group_by = ["cluster"]
[[alerting.route.routes]]
matchers = ["severity=\"CRITICAL\""]
receiver = "page"
[[alerting.inhibit]]
source_matchers = ["severity=\"CRITICAL\""]
target_matchers = ["severity=\"WARN\""]
equal = ["cluster"]
"#;

/// A route that is never told.
const MUTED: &str = r#"
[[alerting.time_intervals]]
name = "ever"
[[alerting.time_intervals.time_intervals]]
years = ["2000:2099"]
location = "Europe/Berlin"
[[alerting.route.routes]]
matchers = ["team=\"shop\""]
receiver = "page"
mute_time_intervals = ["ever"]
"#;

/// Runs amtool without the configuration that its user may have.
fn amtool(server: &Server, words: &[&str]) -> Output {
    let home = folder();
    let mut command = Command::new("amtool");
    command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
    command.arg(format!("--alertmanager.url=http://{}", server.api)).args(words);
    command.output().expect("amtool runs (Debian: apt-get install prometheus-alertmanager)")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn ask(server: &Server, method: &str, path: &str, body: &Value, key: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("content-type", "application/json"), ("authorization", &bearer), ("connection", "close")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Connection::open(server.api).ask(&request(method, path, &headers, body.as_bytes()))
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    ask(server, "POST", path, body, "nobody.nothing")
}

fn raise(server: &Server, labels: &Value) {
    let answer = post(server, "/api/v2/alerts", &json!([{ "labels": labels }]));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn silence(name: &str, lasts: Duration) -> Value {
    let now = jiff::Timestamp::now();
    let matcher = json!({ "name": "alertname", "value": name, "isRegex": false });
    json!({
        "matchers": [matcher], "createdBy": "ann", "comment": "works",
        "startsAt": now.to_string(), "endsAt": (now + lasts).to_string(),
    })
}

fn silenced(server: &Server, name: &str) -> String {
    let answer = post(server, "/api/v2/silences", &silence(name, Duration::from_secs(3_600)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["silenceID"].as_str().expect("an id").to_owned()
}

fn alerts(server: &Server, query: &str) -> Vec<String> {
    let answer = server.get(&format!("/api/v2/alerts?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = answer.json();
    let names = found.as_array().expect("a list").iter().map(|alert| alert["labels"]["alertname"].clone());
    let mut names: Vec<String> = names.map(|name| name.as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn amtool_raises_lists_silences_and_ends() {
    let folder = folder();
    let server = Server::start(&folder, ROUTING);
    let run = |words: &[&str]| said(&amtool(&server, words));
    run(&[
        "alert",
        "add",
        "alertname=DiskFull",
        "severity=CRITICAL",
        "cluster=a",
        "--annotation=summary=97 %",
    ]);
    run(&["alert", "add", "alertname=Slow", "severity=INFO", "cluster=b"]);
    let listed = run(&["alert", "query"]);
    assert!(listed.contains("DiskFull") && listed.contains("Slow") && listed.contains("97 %"), "{listed}");
    assert!(!run(&["alert", "query", "severity=CRITICAL"]).contains("Slow"));
    assert!(!run(&["alert", "query", "--receiver=page"]).contains("Slow"));

    let add = ["silence", "add", "alertname=~Disk.*", "--author=ann", "--comment=works", "--duration=1h"];
    let id = run(&add).trim().to_owned();
    assert_eq!(id.len(), 36, "{id}");
    assert!(!run(&["alert", "query"]).contains("DiskFull"));
    assert!(run(&["alert", "query", "--silenced"]).contains("DiskFull"));
    let silences = run(&["silence", "query"]);
    assert!(silences.contains(&id) && silences.contains("ann") && silences.contains("Disk.*"), "{silences}");
    assert!(!run(&["silence", "query", "alertname=other"]).contains(&id));
    let longer = run(&["silence", "update", &id, "--duration=3h", "--comment=longer"]);
    assert!(longer.contains("longer"), "{longer}");
    run(&["silence", "expire", &id]);
    assert!(!run(&["silence", "query"]).contains(&id));
    assert!(run(&["silence", "query", "--expired"]).contains(&id));
    assert!(run(&["alert", "query"]).contains("DiskFull"));
}

#[test]
fn a_route_that_is_muted_by_the_clock_says_so_and_can_be_left_out() {
    let folder = folder();
    let server = Server::start(&folder, &format!("{ROUTING}{MUTED}"));
    raise(&server, &json!({ "alertname": "Slow", "team": "shop" }));
    raise(&server, &json!({ "alertname": "Full", "team": "disks" }));
    let groups = |query: &str| -> Vec<Value> {
        let listed = server.get(&format!("/api/v2/alerts/groups{query}")).json();
        let groups = listed.as_array().expect("groups").iter();
        groups
            .map(|group| {
                json!([
                    group["receiver"]["name"],
                    group["alerts"][0]["status"]["mutedBy"],
                    group["alerts"][0]["status"]["state"]
                ])
            })
            .collect()
    };
    let told = json!(["ops", [], "active"]);
    assert_eq!(groups(""), [told.clone(), json!(["page", ["ever"], "suppressed"])]);
    assert_eq!(groups("?muted=false"), [told]);
    let alerts = server.get("/api/v2/alerts").json();
    let muted_by: Vec<&Value> =
        alerts.as_array().expect("alerts").iter().map(|alert| &alert["status"]["mutedBy"]).collect();
    assert_eq!(muted_by, [&json!([]), &json!([])], "only groups have routes");
    let routed = said(&amtool(&server, &["config", "routes", "test", "team=shop"]));
    assert_eq!(routed.trim(), "page");
}

#[test]
fn amtool_reads_the_routes_and_is_told_what_is_wrong() {
    let folder = folder();
    let server = Server::start(&folder, ROUTING);
    let run = |words: &[&str]| said(&amtool(&server, words));
    let config = run(&["config", "show"]);
    assert!(config.contains("severity=\\\"CRITICAL\\\""), "{config}");
    assert_eq!(run(&["config", "routes", "test", "severity=CRITICAL"]).trim(), "page");
    assert_eq!(run(&["config", "routes", "test", "severity=INFO"]).trim(), "ops");
    assert!(run(&["config", "routes", "show"]).contains("page"));
    let past = ["silence", "add", "a=b", "--author=ann", "--comment=c"];
    let wrong = amtool(
        &server,
        &[&past[..], &["--end=2020-01-01T00:00:00Z", "--start=2019-01-01T00:00:00Z"]].concat(),
    );
    assert!(!wrong.status.success() && text(&wrong.stderr).contains("past"), "{wrong:?}");
    let everything = amtool(&server, &[&past[..2], &["a=~.*"], &past[3..]].concat());
    assert!(
        text(&everything.stderr).contains("at least one matcher must not match the empty string"),
        "{everything:?}"
    );
    let unknown = amtool(&server, &["silence", "expire", "00000000-0000-0000-0000-000000000000"]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("404"), "{unknown:?}");
}

#[test]
fn alerts_are_listed_and_grouped_with_why_they_are_quiet() {
    let folder = folder();
    let server = Server::start(&folder, ROUTING);
    raise(&server, &json!({ "alertname": "Down", "severity": "CRITICAL", "cluster": "a" }));
    raise(&server, &json!({ "alertname": "Slow", "severity": "WARN", "cluster": "a" }));
    raise(&server, &json!({ "alertname": "Slower", "severity": "WARN", "cluster": "b" }));
    let id = silenced(&server, "Slower");
    assert_eq!(alerts(&server, ""), ["Down", "Slow", "Slower"]);
    assert_eq!(alerts(&server, "silenced=false"), ["Down", "Slow"]);
    assert_eq!(alerts(&server, "inhibited=false"), ["Down", "Slower"]);
    assert_eq!(alerts(&server, "active=false"), ["Slow", "Slower"]);
    assert_eq!(alerts(&server, "receiver=page"), ["Down"]);
    let filter = encoded("alertname=~\"Slow.*\"");
    assert_eq!(alerts(&server, &format!("filter={filter}&filter=cluster%3Db")), ["Slower"]);

    let found = server.get("/api/v2/alerts").json();
    let by_name = |name: &str| {
        let found = found.as_array().expect("a list").iter();
        found.into_iter().find(|alert| alert["labels"]["alertname"] == name).expect("the alert").clone()
    };
    let active = json!({ "state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [] });
    assert_eq!(by_name("Down")["status"], active);
    assert_eq!(by_name("Slow")["status"]["inhibitedBy"], json!([by_name("Down")["fingerprint"]]));
    assert_eq!(by_name("Slower")["status"]["silencedBy"], json!([id]));
    assert_eq!(by_name("Slower")["receivers"], json!([{ "name": "ops" }]));

    let groups = server.get("/api/v2/alerts/groups").json();
    let keys: Vec<_> = groups.as_array().expect("a list").iter().collect();
    assert_eq!(keys.len(), 3, "{groups}");
    assert!(
        keys.iter()
            .any(|group| group["labels"] == json!({ "cluster": "b" }) && group["receiver"]["name"] == "ops")
    );

    let over = json!([{ "labels": { "alertname": "Down", "severity": "CRITICAL", "cluster": "a" },
        "endsAt": jiff::Timestamp::now().to_string() }]);
    assert_eq!(post(&server, "/api/v2/alerts", &over).status, 200);
    assert_eq!(alerts(&server, "inhibited=false"), ["Slow", "Slower"]);
    assert_eq!(server.get("/api/v2/receivers").json(), json!([{ "name": "ops" }, { "name": "page" }]));
    assert_eq!(server.get("/api/v2/status").json()["cluster"]["status"], "disabled");
}

#[test]
fn what_is_wrong_is_said_and_what_is_right_is_taken() {
    let folder = folder();
    let server = Server::start(&folder, ROUTING);
    let sent = json!([{ "labels": {} }, { "labels": { "alertname": "Right" } }, { "labels": { "a": "b" }, "startsAt": "soon" }]);
    let answer = post(&server, "/api/v2/alerts", &sent);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
    let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
    assert!(
        detail.contains("[0]: at least one label pair required") && detail.contains("[2]: startsAt"),
        "{detail}"
    );
    assert_eq!(alerts(&server, ""), ["Right"]);
    for (path, body, field) in [
        ("/api/v2/alerts", json!({ "labels": {} }), Value::Null),
        ("/api/v2/silences", json!({}), Value::Null),
        (
            "/api/v2/silences",
            json!({ "matchers": [{ "name": "a", "value": "(", "isRegex": true }], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2099-01-01T00:00:00Z", "createdBy": "", "comment": "" }),
            json!("matchers[0]"),
        ),
    ] {
        let answer = post(&server, path, &body);
        assert_eq!((answer.status, &answer.json()["field"]), (400, &field), "{}", answer.text());
    }
    let filter = server.get("/api/v2/alerts?filter=a~b");
    assert_eq!((filter.status, filter.json()["field"].as_str()), (400, Some("filter")));
    assert!(filter.text().contains("at position 1"), "{}", filter.text());
    assert_eq!(server.get("/api/v2/silence/none").status, 404);
    let mut unknown = silence("x", Duration::from_secs(60));
    unknown["id"] = json!("none");
    assert_eq!(post(&server, "/api/v2/silences", &unknown).status, 404);
    let long = json!([{ "labels": { "a": "x".repeat(5 << 20) } }]);
    assert_eq!(post(&server, "/api/v2/alerts", &long).status, 413);
}

#[test]
fn silences_and_alerts_outlast_a_server_that_is_killed() {
    let folder = folder();
    let server = Server::start(&folder, ROUTING);
    raise(&server, &json!({ "alertname": "Down" }));
    let id = silenced(&server, "Down");
    let before = server.get(&format!("/api/v2/silence/{id}")).json();
    server.kill();
    let server = Server::start(&folder, ROUTING);
    assert_eq!(server.get(&format!("/api/v2/silence/{id}")).json(), before);
    assert_eq!(alerts(&server, "active=false"), ["Down"]);
    let ended = ask(&server, "DELETE", &format!("/api/v2/silence/{id}"), &Value::Null, "");
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(alerts(&server, "silenced=false"), ["Down"]);
}

#[test]
fn each_tenant_has_its_own_and_readers_change_nothing() {
    let key = |id: &str, tenant: &str, role: &str| {
        let arguments = ["create-key", "--id", id, "--tenant", tenant, "--role", role];
        let printed = text(&program().args(arguments).output().expect("the program runs").stdout);
        let (token, rest) = printed.split_once('\n').expect("a line with the key");
        let (_, section) = rest.split_once("[keys.").expect("a section");
        (token.to_owned(), format!("[keys.{section}"))
    };
    let (one, other, reader) =
        (key("one", "a", "admin"), key("other", "b", "admin"), key("reader", "a", "read"));
    let folder = folder();
    let server = Server::start(&folder, &[ROUTING, &one.1, &other.1, &reader.1].join("\n"));
    let sent = json!([{ "labels": { "alertname": "Down" } }]);
    assert_eq!(ask(&server, "POST", "/api/v2/alerts", &sent, &one.0).status, 200);
    let asked = silence("Down", Duration::from_secs(60));
    let id = ask(&server, "POST", "/api/v2/silences", &asked, &one.0).json()["silenceID"].clone();
    let path = format!("/api/v2/silence/{}", id.as_str().expect("an id"));
    for (key, count) in [(&one.0, 1), (&reader.0, 1), (&other.0, 0)] {
        for path in ["/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences"] {
            let answer = ask(&server, "GET", path, &Value::Null, key);
            assert_eq!(answer.json().as_array().map(Vec::len), Some(count), "{path}: {}", answer.text());
        }
    }
    assert_eq!(ask(&server, "GET", &path, &Value::Null, &other.0).status, 404);
    assert_eq!(ask(&server, "DELETE", &path, &Value::Null, &other.0).status, 404);
    for (method, path, body) in [
        ("POST", "/api/v2/alerts", &sent),
        ("POST", "/api/v2/silences", &asked),
        ("DELETE", &path, &Value::Null),
    ] {
        assert_eq!(ask(&server, method, path, body, &reader.0).status, 403, "{method} {path}");
        assert_eq!(ask(&server, method, path, body, "").status, 401, "{method} {path}");
    }
    assert_eq!(
        ask(&server, "GET", "/api/v2/silences", &Value::Null, &one.0).json()[0]["status"]["state"],
        "active"
    );
}
