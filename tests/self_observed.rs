//! Scenario: an operator looks at a server: its health, its counters, its log, its own traces; and changes what can be changed
//! while it runs.
//! Guarantees: health names every dependency; each request is counted and belongs to a trace; the level of the log and what a
//! hangup brings apply at once, and what is wrong changes nothing; a server that sends its metrics and traces to itself stores
//! them, and makes none about sending them.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{body, gauge, int, now};
use support::server::{configure, folder};
use support::signals::Tenant;
use support::{Answer, Connection, Server, eventually};

const IN_TIME: Duration = Duration::from_secs(30);
const LOG_LEVEL: &str = "/api/v2/log-level";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let headers = [&[("connection", "close")][..], headers].concat();
    Connection::open(server.api).ask(&request(method, path, &headers, body))
}

fn change_level(server: &Server, body: &Value) -> Answer {
    ask(server, "PUT", LOG_LEVEL, &[], body.to_string().as_bytes())
}

fn hang_up(server: &Server) {
    let id = i32::try_from(server.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(id, rustix::process::Signal::HUP).expect("the signal is sent");
}

#[test]
fn health_names_every_dependency_and_how_it_is() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let health = server.get("/health");
    let body = health.json();
    assert_eq!((health.status, &body["status"]), (200, &json!("up")), "{body}");
    let dependencies = body["dependencies"].as_array().expect("dependencies");
    let found: Vec<_> = dependencies.iter().map(|one| (&one["name"], &one["kind"], &one["status"])).collect();
    assert_eq!(
        found,
        [
            (&json!("store"), &json!("embedded"), &json!("up")),
            (&json!("state"), &json!("sqlite"), &json!("up"))
        ]
    );
    assert_eq!(dependencies[0]["breaker"], "closed");
    assert!(
        dependencies.iter().all(|one| one["latencyMs"].as_f64().is_some_and(|took| took > 0.0)),
        "{body}"
    );
    assert!(body["journal"].is_object() || body["durability"] == "store", "{body}");
}

#[test]
fn requests_are_counted_by_route_and_belong_to_a_trace() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let answer = ask(&server, "GET", "/api/v2/metrics", &[("traceparent", &parent)], b"");
    let trace = answer.header("traceresponse").expect("a trace");
    assert!(trace.starts_with(&format!("00-{TRACE}-")) && !trace.contains("b7ad6b7169203331"), "{trace}");
    for (path, status) in [("/api/v2/no-such-thing", 404), ("/api/v2/no-such-other", 404)] {
        assert_eq!(server.get(path).status, status);
    }
    server.post_metrics(&body(vec![gauge("level", vec![int(now(), 1)])]), &[]);
    let counted =
        |labels: &[&str]| server.measured("telemetryflow_http_request_duration_seconds_count", labels);
    assert_eq!(counted(&["route=\"/api/v2/metrics\"", "status=\"200\"", "listener=\"api\""]), 1);
    assert_eq!(counted(&["route=\"unknown\"", "status=\"404\""]), 2, "what clients write is no label");
    assert_eq!(counted(&["listener=\"otlp_http\"", "method=\"POST\""]), 1);
    assert_eq!(
        server.measured("telemetryflow_http_requests_in_flight", &["listener=\"api\""]),
        1,
        "this one"
    );
}

#[test]
fn every_metric_is_in_the_handbook() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let handbook = include_str!("../docs/operations.md");
    let page = server.get("/metrics").text();
    let names: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE telemetryflow_")?.split(' ').next())
        .collect();
    assert!(names.len() > 40, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !handbook.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:?}");
}

#[test]
fn the_level_of_the_log_is_changed_while_the_server_runs() {
    let folder = folder();
    let server = Server::start(&folder, "");
    assert_eq!(server.get(LOG_LEVEL).json(), json!({"level": "info"}));
    assert!(!server.log().contains("DEBUG"), "{}", server.log());
    let wanted = json!({"level": "info,telemetryflow::platform::http=debug"});
    let changed = change_level(&server, &wanted);
    assert_eq!((changed.status, changed.json()), (200, wanted.clone()));
    ask(&server, "GET", "/livez", &[("x-request-id", "after-the-change")], b"");
    eventually("a line of the request", IN_TIME, || {
        server
            .log()
            .lines()
            .any(|line| line.contains("DEBUG") && line.contains("after-the-change"))
            .then_some(())
    });
    for (wrong, field) in [
        (json!({"level": "telemetryflow=loud"}), json!("level")),
        (json!({"level": ""}), json!("level")),
        (json!({"level": "info", "more": 1}), Value::Null),
        (json!([]), Value::Null),
    ] {
        let refused = change_level(&server, &wrong);
        assert_eq!((refused.status, &refused.json()["field"]), (400, &field), "{wrong}: {}", refused.text());
    }
    let long = change_level(&server, &json!({"level": "x".repeat(10_000)}));
    assert_eq!((long.status, long.header("content-type")), (413, Some("application/problem+json")));
    assert_eq!(server.get(LOG_LEVEL).json(), wanted);
}

#[test]
fn a_hangup_brings_new_keys_limits_and_levels_and_a_wrong_file_changes_nothing() {
    let (folder, shop, bank) = (folder(), Tenant::new("shop"), Tenant::new("bank"));
    let server = Tenant::server(&folder, &[&shop]);
    let status = |tenant: &Tenant| tenant.ask(&server, "/api/v2/metrics").status;
    assert_eq!((status(&shop), status(&bank)), (200, 401));

    configure(folder.path(), &format!("[query]\ntimeout = \"soon\"\n{}", bank.section()));
    hang_up(&server);
    eventually("the complaint", IN_TIME, || server.log().contains("query.timeout").then_some(()));
    assert_eq!((status(&shop), status(&bank)), (200, 401));

    let limits = "[query]\ntimeout = \"7s\"\n[log]\nlevel = \"warn\"\n[limits]\nrequests_per_second = 1\n";
    configure(folder.path(), &format!("{limits}{}", bank.section()));
    hang_up(&server);
    eventually("the new key", IN_TIME, || (status(&bank) == 200).then_some(()));
    assert_eq!(status(&shop), 401, "its key is gone");
    eventually("what takes a start", IN_TIME, || {
        let log = server.log();
        log.lines().any(|line| line.contains("query.timeout") && line.contains("take a start")).then_some(())
    });
    assert_eq!(bank.json(&server, LOG_LEVEL), json!({"level": "warn"}));
    let metrics = body(vec![gauge("level", vec![int(now(), 1)])]);
    let answers: Vec<u16> =
        (0..4).map(|_| server.post_metrics(&metrics, &[("authorization", bank.bearer())]).status).collect();
    assert!(answers.starts_with(&[200]) && answers.contains(&429), "{answers:?}");

    configure(folder.path(), "");
    hang_up(&server);
    eventually("the refusal", IN_TIME, || server.log().contains("the last one to go").then_some(()));
    assert_eq!((status(&shop), status(&bank)), (401, 200), "a file without keys opens nothing");
}

#[test]
fn a_server_that_sends_its_metrics_and_traces_to_itself_makes_none_about_that() {
    let folder = folder();
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let address = format!("127.0.0.1:{port}");
    let own = format!(
        "[ingest]\nbatch_age_max = \"1ms\"\n[telemetry]\notlp = \"http://{address}\"\nmetrics_interval = \"1s\"\n\
         traces_per_thousand = 1000\n"
    );
    let server = Server::start_with(&folder, &own, &[("TELEMETRYFLOW__LISTEN__OTLP_HTTP", &address)]);
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    ask(&server, "GET", "/api/v2/services", &[("traceparent", &parent)], b"");
    let spans = eventually("the trace of the request", IN_TIME, || {
        let answer = server.get(&format!("/api/v2/traces/{TRACE}"));
        let spans = answer.json()["spans"].as_array().cloned().unwrap_or_default();
        (answer.status == 200 && spans.len() > 1).then_some(spans)
    });
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().expect("a name")).collect();
    assert!(names.contains(&"GET /api/v2/services") && names.contains(&"select"), "{names:?}");
    let request = spans.iter().find(|span| span["name"] != "select").expect("the request");
    assert_eq!(
        (&request["service"], &request["parentSpanId"]),
        (&json!("telemetryflow"), &json!("b7ad6b7169203331"))
    );

    let metric = "/api/v2/metrics?metricName=telemetryflow_http_request_duration_seconds&startTime=now-5m&aggregation=count";
    eventually("the own metrics", IN_TIME, || {
        let answer = server.get(metric);
        (answer.status == 200 && !answer.json()["series"].as_array()?.is_empty()).then_some(())
    });
    let stored = server.get("/api/v2/traces?startTime=now-5m&limit=1000").json();
    let traces = stored["traces"].as_array().expect("traces");
    let about_sending = traces.iter().filter(|trace| trace.to_string().contains("/v1/"));
    assert_eq!(about_sending.count(), 0, "{stored}");
}
