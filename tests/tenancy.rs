//! Scenario: several tenants share a server, each with keys of its own; others come without, with wrong or with
//! somebody else's.
//! Guarantees: a key reads its tenant's data and nothing else, whatever other headers and parameters say; its role is
//! held to; who is not known is told so in the same words for every reason; no secret is shown or logged.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{assert_taken, body, gauge, int, labelled, status, ten_minutes_ago};
use support::server::{configure, folder, program};
use support::{Answer, Connection, Server};
use telemetryflow::querying::PATHS;

const SERIES: &str = "/api/v2/metrics?metricName=stock&start=now-1h&aggregation=last&groupBy=host";
const CATALOGUE: &str = "/api/v2/metrics";
const REJECTIONS: &str = "/api/v2/ingest/rejections";

/// A key as `create-key` prints it: what its bearer gets, and what the server gets.
struct Key {
    token: String,
    section: String,
}

impl Key {
    fn create(id: &str, tenant: &str, role: &str) -> Self {
        let output = create_key(&["--id", id, "--tenant", tenant, "--role", role]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let (token, rest) = text.split_once('\n').expect("a line with the key");
        let (_, section) = rest.split_once("[keys.").expect("a section");
        Self { token: token.to_owned(), section: format!("[keys.{section}") }
    }

    fn secret(&self) -> &str {
        self.token.split_once('.').expect("an id and a secret").1
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn get(&self, server: &Server, path: &str) -> Answer {
        get(server, path, &[("authorization", &self.bearer())])
    }
}

fn create_key(arguments: &[&str]) -> Output {
    program().arg("create-key").args(arguments).output().expect("the program runs")
}

fn sections(keys: &[&Key]) -> String {
    keys.iter().map(|key| key.section.as_str()).collect::<Vec<_>>().join("\n")
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("connection", "close")][..], headers].concat();
    Connection::open(server.api).ask(&request("GET", path, &headers, b""))
}

/// Sends one point of the metric `stock`.
fn send(server: &Server, key: &Key, host: &str) {
    let point = labelled(int(ten_minutes_ago(), 42), &[("host", host)]);
    let bearer = key.bearer();
    assert_taken(
        &server.post_metrics(&body(vec![gauge("stock", vec![point])]), &[("authorization", &bearer)]),
    );
}

/// The hosts whose series an answer holds.
fn hosts(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let series = answer.json()["series"].as_array().expect("series").clone();
    series.into_iter().map(|series| series["labels"]["host"].clone()).collect()
}

#[test]
fn create_key_prints_a_key_once_and_the_section_that_makes_it_valid() {
    let keys = ["ingest", "read", "admin"].map(|role| Key::create("shop-1", "shop", role));
    for key in &keys {
        let (id, secret) = key.token.split_once('.').expect("id.secret");
        assert!(id == "shop-1" && secret.len() == 43, "{}", key.token);
        assert!(!key.section.contains(secret), "what the server keeps does not tell the secret");
        let folder = folder();
        let config = configure(folder.path(), &key.section);
        let checked = program().arg("check-config").arg("--config").arg(config).output().expect("it runs");
        let shown = String::from_utf8(checked.stdout).expect("text");
        assert!(checked.status.success() && shown.contains(key.section.trim_end()), "{shown}");
    }
    assert!(keys[0].token != keys[1].token && keys[1].token != keys[2].token);
}

#[test]
fn create_key_says_what_is_allowed() {
    for (arguments, allowed) in [
        (["--id", "Shop", "--tenant", "shop", "--role", "read"], "a-z, 0-9, _ and -"),
        (["--id", "shop", "--tenant", "a b", "--role", "read"], "a tenant id consists of"),
        (["--id", "shop", "--tenant", "shop", "--role", "root"], "allowed: ingest, read, admin"),
    ] {
        let output = create_key(&arguments);
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.code() == Some(2) && stderr.contains(allowed), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_key_reads_its_own_tenant_and_no_header_or_parameter_changes_that() {
    let sender = Key::create("sender", "default", "ingest");
    let (own, foreign) = (Key::create("own", "default", "read"), Key::create("foreign", "other", "admin"));
    let folder = folder();
    let server = Server::start(&folder, &sections(&[&sender, &own, &foreign]));
    send(&server, &sender, "a");

    assert_eq!(hosts(&own.get(&server, SERIES)), ["a"]);
    // The other tenant asks the same after it, so that a cache that did not know tenants would answer.
    let lost = foreign.get(&server, SERIES);
    assert_eq!((lost.status, lost.json()["near"].clone()), (404, Value::Null), "{}", lost.text());
    assert_eq!(own.get(&server, CATALOGUE).json()["metrics"][0]["name"], "stock");
    assert_eq!(foreign.get(&server, CATALOGUE).json()["metrics"], json!([]));

    let bearer = foreign.bearer();
    for (name, value) in [
        ("x-scope-orgid", "default"),
        ("x-tenant", "default"),
        ("x-tenant-id", "default"),
        ("x-telemetryflow-tenant", "default"),
        ("x-forwarded-user", "own"),
        ("cookie", &own.bearer()),
        ("proxy-authorization", &own.bearer()),
    ] {
        let answer = get(&server, CATALOGUE, &[("authorization", &bearer), (name, value)]);
        assert_eq!((answer.status, answer.json()["metrics"].clone()), (200, json!([])), "{name}");
        assert_eq!(get(&server, CATALOGUE, &[(name, value)]).status, 401, "{name}");
    }
    let twice = [("authorization", bearer.as_str()), ("authorization", &own.bearer())];
    assert_eq!(get(&server, CATALOGUE, &twice).status, 401);
    let in_the_address = format!("{CATALOGUE}?access_token={}", own.token);
    assert_eq!(get(&server, &in_the_address, &[]).status, 401);
}

#[test]
fn who_is_not_known_is_refused_in_the_same_words_for_every_reason_and_nothing_is_logged_of_it() {
    let (reader, other) = (Key::create("reader", "shop", "read"), Key::create("other", "shop", "read"));
    let expired = Key::create("expired", "shop", "read");
    let extra = format!(
        "[log]\nlevel = \"trace\"\n{}\n{}expires = \"2020-01-01T00:00:00Z\"",
        sections(&[&reader, &other]),
        expired.section
    );
    let folder = folder();
    let server = Server::start(&folder, &extra);
    assert_eq!(reader.get(&server, CATALOGUE).status, 200);
    let wrong = [
        format!("Bearer reader.{}", other.secret()),
        format!("Bearer nobody.{}", reader.secret()),
        format!("Bearer reader.{}", &reader.secret()[1..]),
        expired.bearer(),
    ];
    let malformed = [
        "Bearer".to_owned(),
        format!("Bearer {}", reader.secret()),
        format!("Basic {}", reader.token),
        format!("Bearer reader.{}", "x".repeat(4_000)),
        "Bearer eyJhbGciOiJub25lIn0.eyJ0ZW5hbnQiOiJzaG9wIn0.".to_owned(),
    ];
    let mut texts = [Vec::new(), Vec::new()];
    for (kind, headers) in [(0, &wrong[..]), (1, &malformed)] {
        for header in headers {
            for path in [CATALOGUE, SERIES, REJECTIONS, "/metrics"] {
                let answer = get(&server, path, &[("authorization", header)]);
                assert_eq!(answer.status, 401, "{header} at {path}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"telemetryflow\""));
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
                let problem = answer.json();
                assert_eq!(problem["correlationId"].as_str(), answer.header("x-request-id"));
                texts[kind].push(problem["detail"].clone());
            }
        }
        texts[kind].dedup();
        assert_eq!(texts[kind].len(), 1, "{texts:?}");
    }
    assert_eq!(get(&server, CATALOGUE, &[]).status, 401);
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(&server, path, &[]).status, 200, "{path} is for orchestrators, which have no keys");
    }
    let stopped = server.stop();
    for key in [&reader, &other, &expired] {
        assert!(!stopped.stderr.contains(&key.secret()[1..]), "a secret is in the log");
    }
}

#[test]
fn a_role_allows_what_it_is_for() {
    let keys = ["ingest", "read", "admin"].map(|role| Key::create(role, "shop", role));
    let folder = folder();
    let server = Server::start(&folder, &sections(&keys.each_ref()));
    for (path, expected) in [
        (CATALOGUE, [403, 200, 200]),
        ("/api/v2/metrics?metricName=", [403, 400, 400]),
        (REJECTIONS, [403, 200, 200]),
        ("/metrics", [403, 403, 200]),
        ("/nothing", [404, 404, 404]),
    ] {
        let found = keys.each_ref().map(|key| key.get(&server, path).status);
        assert_eq!(found, expected, "{path}");
    }
    let refused = keys[0].get(&server, CATALOGUE);
    assert_eq!(refused.json()["type"], "urn:telemetryflow:problem:forbidden");
    assert_eq!(refused.json()["detail"], "a key of the role ingest may not read");
    assert_eq!(refused.header("www-authenticate"), None);
    assert_eq!(keys[1].get(&server, REJECTIONS).json(), json!({"rejections": []}));
    let counters = keys[2].get(&server, "/metrics").text();
    assert!(counters.contains("telemetryflow_access_refused_total{reason=\"not_allowed\"} 6"), "{counters}");
    // A parameter that nobody knows: what is let in is answered at once, also where the answer would have no end.
    for path in PATHS.map(|path| format!("{}?unknown=1", path.replace(['{', '}'], ""))) {
        let found = keys.each_ref().map(|key| key.get(&server, &path).status);
        if found == [405; 3] {
            let headers = |key: &Key| format!("Bearer {}", key.token);
            let post = |key| {
                let authorization = headers(key);
                let headers = [("authorization", authorization.as_str()), ("connection", "close")];
                Connection::open(server.api).ask(&request("POST", &path, &headers, b"{}")).status
            };
            assert_eq!(keys.each_ref().map(post), [403, 400, 400], "{path}");
            continue;
        }
        assert!(
            found[0] == 403 && found[1] == found[2] && ![401, 403].contains(&found[1]),
            "{path}: {found:?}"
        );
    }
}

#[test]
fn who_guesses_is_told_to_wait_and_nobody_else_at_the_same_address_is() {
    let (guessed, other) = (Key::create("guessed", "shop", "read"), Key::create("other", "shop", "read"));
    let folder = folder();
    let server = Server::start(&folder, &sections(&[&guessed, &other]));
    let told_to_wait = (0..1_000).map(|guess| {
        let header = format!("Bearer guessed.{guess}");
        get(&server, CATALOGUE, &[("authorization", &header)])
    });
    let answer = told_to_wait.into_iter().find(|answer| answer.status != 401).expect("an end of guessing");
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(guessed.get(&server, CATALOGUE).status, 200, "the right secret is not locked out");
    assert_eq!(other.get(&server, CATALOGUE).status, 200);
}

#[test]
fn a_server_that_others_can_reach_without_keys_says_so() {
    let everywhere = [("TELEMETRYFLOW__LISTEN__API", "0.0.0.0:0")];
    let warning = "no API keys are configured";
    let key = Key::create("shop", "shop", "read").section;
    let warns = |extra: &str, environment: &[(&str, &str)]| {
        let folder = folder();
        let server = Server::start_with(&folder, extra, environment);
        server.stop().stderr.contains(warning)
    };
    assert!(warns("", &everywhere));
    assert!(!warns(&key, &everywhere));
    assert!(!warns("", &[]));
}

#[test]
fn a_key_sends_to_its_own_tenant_and_no_header_changes_that() {
    let keys = ["shop", "bank"].map(|tenant| {
        let [sender, reader] =
            ["ingest", "read"].map(|role| Key::create(&format!("{tenant}-{role}"), tenant, role));
        (sender, reader)
    });
    let [shop, bank] = &keys;
    let folder = folder();
    let server = Server::start(&folder, &sections(&[&shop.0, &shop.1, &bank.0, &bank.1]));
    send(&server, &shop.0, "a");
    send(&server, &bank.0, "b");
    let point = labelled(int(ten_minutes_ago(), 1), &[("host", "c")]);
    let stock = body(vec![gauge("stock", vec![point])]);
    let bearer = shop.0.bearer();
    for name in ["x-scope-orgid", "x-tenant-id"] {
        assert_taken(&server.post_metrics(&stock, &[("authorization", &bearer), (name, "bank")]));
    }
    let mut of_shop: Vec<String> = hosts(&shop.1.get(&server, SERIES)).iter().map(Value::to_string).collect();
    of_shop.sort();
    assert_eq!(of_shop, ["\"a\"", "\"c\""]);
    assert_eq!(hosts(&bank.1.get(&server, SERIES)), ["b"]);
}

#[test]
fn who_may_not_send_is_told_so_as_otlp_asks_and_nothing_of_it_is_stored() {
    let [sender, reader] = ["ingest", "read"].map(|role| Key::create(role, "shop", role));
    let folder = folder();
    let server = Server::start(&folder, &sections(&[&sender, &reader]));
    let stock = body(vec![gauge("stock", vec![int(ten_minutes_ago(), 1)])]);
    let (wrong, read) = ("Bearer ingest.wrong".to_owned(), reader.bearer());
    for (headers, expected, code) in [
        (vec![], 401, 16),
        (vec![("authorization", wrong.as_str())], 401, 16),
        (vec![("x-scope-orgid", "shop")], 401, 16),
        (vec![("authorization", read.as_str())], 403, 7),
    ] {
        let answer = server.post_metrics(&stock, &headers);
        assert_eq!((answer.status, status(&answer).code), (expected, code), "{headers:?}");
        let challenge = (expected == 401).then_some("Bearer realm=\"telemetryflow\"");
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    assert_eq!(reader.get(&server, CATALOGUE).json()["metrics"], json!([]));
    send(&server, &sender, "a");
    assert_eq!(hosts(&reader.get(&server, SERIES)), ["a"]);
}

#[test]
fn what_was_rejected_is_listed_for_its_tenant_only() {
    let [sender, reader] = ["ingest", "read"].map(|role| Key::create(role, "shop", role));
    let foreign = Key::create("foreign", "bank", "admin");
    let folder = folder();
    let server = Server::start(&folder, &sections(&[&sender, &reader, &foreign]));
    let bearer = sender.bearer();
    let authorization = ("authorization", bearer.as_str());
    let mixed =
        vec![gauge("good", vec![int(ten_minutes_ago(), 1)]), gauge("untimed", vec![int(0, 1), int(0, 2)])];
    assert_eq!(server.post_metrics(&body(mixed), &[authorization]).status, 200);
    assert_eq!(server.post_metrics(b"\xff", &[authorization]).status, 400);
    assert_eq!(server.post_metrics(b"\xff", &[]).status, 401);

    let listed = reader.get(&server, REJECTIONS).json()["rejections"].clone();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed:#}");
    assert_eq!(
        (&listed[0]["outcome"], &listed[0]["reasons"][0]["reason"]),
        (&json!("refused"), &json!("undecodable"))
    );
    assert_eq!((&listed[1]["outcome"], &listed[1]["rejectedItems"]), (&json!("partial"), &json!(2)));
    let reason = &listed[1]["reasons"][0];
    assert_eq!((&reason["reason"], &reason["examples"]), (&json!("time_missing"), &json!(["untimed"])));
    assert_eq!((&listed[1]["signal"], &listed[1]["transport"]), (&json!("metrics"), &json!("http")));
    assert_eq!(foreign.get(&server, REJECTIONS).json(), json!({"rejections": []}));
}
