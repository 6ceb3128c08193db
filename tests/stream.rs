//! Scenario: clients of two tenants listen to the live stream with many filters while both tenants send; some are slow, some
//! are too many, and the server stops.
//! Guarantees: what is stored arrives, as the search would answer it, at those who asked for it and at no other tenant; who is
//! slow is told what it missed and holds nobody up; places are bounded; a stop ends every stream in order.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is missing"
)]

mod support;

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Histogram, HistogramDataPoint, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::{Value, json};
use support::events::Listener;
use support::otlp::{
    CUMULATIVE, assert_taken, body, double, export, gap, gauge, int, metric, moment, ten_minutes_ago, text,
};
use support::server::{PROTOBUF, folder};
use support::signals::Tenant;
use support::{Connection, Server, eventually, http::request};

const LOGS: &str = "/v1/logs";
const METRICS: &str = "/v1/metrics";
const STREAM: &str = "/api/v2/stream";
const CLIENTS: &str = "telemetryflow_stream_clients";
const MISSED: &str = "telemetryflow_stream_items_missed_total";

/// Questions that both the search and the stream understand.
const QUESTIONS: [&str; 14] = [
    "",
    "service=shop",
    "serviceName=shop&service=it%27s",
    "service=nobody",
    "severity=warn",
    "severity=17",
    "traceId=03030303030303030303030303030303",
    "spanId=0404040404040404",
    "text=number%201",
    "text=NUMBER",
    "attr[user]=ann",
    "attr[user]=",
    "resource[region]=us%27%5C",
    "service=bank&severity=info&resource[region]=eu&attr[user]=ben",
];

/// Records that differ in everything one can ask for.
fn records(count: usize) -> ExportLogsServiceRequest {
    let resource_logs = (0..count).map(|number| {
        let trace = u8::try_from(number % 5).expect("a byte");
        let id = |bytes| if trace == 0 { Vec::new() } else { vec![trace; bytes] };
        let user = ["ann", "ben", ""][number % 3];
        let record = LogRecord {
            time_unix_nano: moment() + number as u64,
            observed_time_unix_nano: if number % 2 == 0 { moment() } else { 0 },
            severity_number: [0, 5, 9, 13, 17, 21][number % 6],
            severity_text: ["", "info"][number % 2].into(),
            body: Some(AnyValue { value: Some(Any::StringValue(format!("number {number}"))) }),
            attributes: if user.is_empty() { vec![text("n", "1")] } else { vec![text("user", user)] },
            trace_id: id(16),
            span_id: id(8),
            flags: 1,
            event_name: "opened".into(),
            dropped_attributes_count: 3,
        };
        let resource = Resource {
            attributes: vec![
                text("service.name", ["shop", "bank", "it's"][number % 3]),
                text("region", ["eu", "us'\\"][number / 2 % 2]),
            ],
            ..Resource::default()
        };
        let scope = InstrumentationScope { name: "scope".into(), version: "1".into(), ..Default::default() };
        let scope_logs =
            ScopeLogs { scope: Some(scope), log_records: vec![record], schema_url: "scope/url".into() };
        ResourceLogs { resource: Some(resource), scope_logs: vec![scope_logs], schema_url: "url".into() }
    });
    ExportLogsServiceRequest { resource_logs: resource_logs.collect() }
}

/// What of a tenant's records a stream shows before it says that so many were stored.
fn shown(listener: &mut Listener, stored: u64) -> Vec<Value> {
    let (mut found, mut items, mut last_id) = (Vec::new(), 0, 0);
    while items < stored {
        let event = listener.next().expect("another event");
        assert!(event.id > Some(last_id), "ids grow: {event:?}");
        last_id = event.id.unwrap_or_default();
        match &*event.name {
            "logs" => found.push(event.data),
            "ingest" => {
                assert_eq!(event.data["signal"], "logs");
                items += event.data["items"].as_u64().expect("a number");
            }
            other => panic!("{other}: {}", event.data),
        }
    }
    assert_eq!(items, stored);
    found
}

fn as_texts(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(Value::to_string).collect()
}

#[test]
fn log_records_arrive_as_the_search_answers_them_and_only_at_their_tenant() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let mut listeners =
        QUESTIONS.map(|question| one.listen(&server, &format!("{STREAM}?events=logs,ingest&{question}")));
    let mut tail = one.listen(&server, "/api/v2/logs/tail?severity=error");
    let mut others = other.listen(&server, &format!("{STREAM}?events=logs,ingest"));

    one.send(&server, LOGS, &records(60));
    other.send(&server, LOGS, &records(1));
    for (question, listener) in QUESTIONS.iter().zip(&mut listeners) {
        let found = shown(listener, 60);
        let expected = one.pages(&server, &format!("/api/v2/logs?limit=1000&{question}"), "logs");
        assert_eq!(as_texts(&found), as_texts(&expected), "{question}");
        assert_eq!(found.len(), expected.len(), "{question}");
    }
    let errors = one.pages(&server, "/api/v2/logs?order=asc&severity=error", "logs");
    let tailed: Vec<Value> = errors.iter().map(|_| tail.next().expect("an event").data).collect();
    assert_eq!(tailed, errors);
    let others = shown(&mut others, 1);
    assert_eq!((others.len(), &others[0]["body"]), (1, &json!("number 0")));
}

#[test]
fn points_arrive_with_their_series_and_only_of_the_metrics_that_were_asked_for() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let time = ten_minutes_ago();
    let mut listener =
        one.listen(&server, &format!("{STREAM}?events=metrics,ingest&metricName=level&metricName=size"));
    let size = Histogram {
        data_points: vec![HistogramDataPoint {
            time_unix_nano: time,
            count: 3,
            sum: Some(7.5),
            bucket_counts: vec![1, 2],
            explicit_bounds: vec![2.0],
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality: CUMULATIVE,
    };
    let exact = (1_i64 << 53) + 1;
    let level = vec![int(time, exact), double(time + 1, 0.5), double(time + 2, f64::NAN), gap(time + 3)];
    let other_level = || vec![gauge("level", vec![int(time, 1)])];
    other.send(&server, METRICS, &export(other_level()));
    let metrics = vec![
        gauge("level", level),
        gauge("ignored", vec![int(time, 1)]),
        metric("size", Data::Histogram(size)),
    ];
    one.send(&server, METRICS, &export(metrics));

    let (found, stored) = listener.until("ingest");
    assert_eq!(stored.data, json!({ "signal": "metrics", "items": 6 }));
    let values = |at: usize, name: &str| -> Vec<Value> {
        let points = found[at].data["points"].as_array().expect("points");
        points.iter().map(|point| point[name].clone()).collect()
    };
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((&found[0].data["metricName"], &found[0].data["type"]), (&json!("level"), &json!("gauge")));
    assert_eq!(values(0, "value"), [json!(exact), json!(0.5), json!("NaN"), Value::Null]);
    let series = values(0, "series");
    assert!(series.iter().all(|id| id == &series[0] && id.as_str().is_some_and(|id| id.len() == 16)));
    assert_eq!((&found[1].data["metricName"], &found[1].data["type"]), (&json!("size"), &json!("histogram")));
    assert_eq!((values(1, "count"), values(1, "sum")), (vec![json!(3)], vec![json!(7.5)]));
}

/// More than the sockets between server and client hold.
const FLOOD_REQUESTS: usize = 32;

#[test]
fn a_client_that_does_not_read_is_told_what_it_missed_and_holds_nobody_up() {
    let folder = folder();
    let server = Server::start(&folder, "[stream]\nclient_bytes_max = \"1MiB\"\n");
    let mut slow = Listener::open(&server, &format!("{STREAM}?events=logs"), &[]);
    let mut quick = Listener::open(&server, &format!("{STREAM}?events=ingest"), &[]);
    let post = |records: Vec<LogRecord>| {
        let scope_logs = vec![ScopeLogs { log_records: records, ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        let body = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
        let answer = Connection::open(server.otlp).ask(&request("POST", LOGS, &[PROTOBUF], &body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let record = |text: String| LogRecord {
        time_unix_nano: ten_minutes_ago(),
        body: Some(AnyValue { value: Some(Any::StringValue(text)) }),
        ..LogRecord::default()
    };
    let (mut sent, mut stored) = (0, 0);
    // Each batch nearly fills the mailbox, and is stored while nobody reads.
    for _ in 0..FLOOD_REQUESTS {
        post((0..5).map(|number| record(format!("{number}{}", "x".repeat(200_000)))).collect());
        sent += 5;
        stored += quick.next().expect("an event").data["items"].as_u64().expect("a number");
    }
    post(vec![record("the last one".into())]);
    let (mut seen, mut missed) = (0, 0);
    loop {
        let event = slow.next().expect("another event");
        match &*event.name {
            "lagged" => {
                assert_eq!((event.id, &event.data["batches"]), (None, &json!(0)));
                missed += event.data["missed"].as_u64().expect("a number");
            }
            _ if event.data["body"] == "the last one" => break,
            _ => seen += 1,
        }
    }
    assert_eq!((seen + missed, stored), (sent, sent), "{seen} seen");
    assert!(missed > 0 && seen > 0, "{seen} seen, {missed} missed");
    assert_eq!(server.measured(MISSED, &[]), missed);
}

#[test]
fn places_are_bounded_and_come_free_when_clients_leave() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let limits = "[stream]\nclients_max = 3\nclients_max_per_tenant = 2\n";
    let server = Tenant::server_with(&folder, &[&one, &other], limits);
    let path = format!("{STREAM}?events=ingest");
    let first = one.listen(&server, &path);
    let _second = one.listen(&server, "/api/v2/logs/tail");
    let refused = one.ask(&server, &path);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")), "{}", refused.text());
    let _third = other.listen(&server, &path);
    let refused = other.ask(&server, &path);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{}", refused.text());
    assert_eq!(one.measured(&server, CLIENTS), 3);

    drop(first);
    eventually("its place is free", std::time::Duration::from_secs(30), || {
        (one.measured(&server, CLIENTS) == 2).then_some(())
    });
    let _fourth = other.listen(&server, &path);
}

#[test]
fn a_server_that_stops_ends_every_stream_in_order() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let mut listeners =
        [0, 1].map(|_| Listener::open(&server, &format!("{STREAM}?events=ingest,logs,alerts"), &[]));
    assert_taken(&server.post_metrics(&body(vec![gauge("a", vec![int(ten_minutes_ago(), 1)])]), &[]));
    let stopped = server.stop();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains("did not end in time"), "{}", stopped.stderr);
    for listener in &mut listeners {
        assert_eq!(listener.next().expect("what was stored").data["signal"], "metrics");
        assert!(listener.next().is_none());
    }
}

#[test]
fn whatever_is_wrong_with_a_question_is_said_with_the_field() {
    let folder = folder();
    let server = Server::start(&folder, "");
    for (path, field) in [
        ("/api/v2/stream", "events"),
        ("/api/v2/stream?events=log", "events"),
        ("/api/v2/stream?events=metrics", "metricName"),
        ("/api/v2/stream?events=ingest&severity=warn", "severity"),
        ("/api/v2/stream?events=logs&start=now-1h", "start"),
        ("/api/v2/stream?events=logs&severity=loud", "severity"),
        ("/api/v2/logs/tail?events=logs", "events"),
        ("/api/v2/logs/tail?limit=5", "limit"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, &answer.json()["field"]), (400, &json!(field)), "{path}");
    }
    assert_eq!(server.get("/api/v2/stream?events=log").json()["near"], json!(["logs"]));
}
