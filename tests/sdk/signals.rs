//! Scenario: the official SDK for Rust exports spans, log records and histograms over every wire to one server.
//! Guarantees: each row of the tables is what was recorded, in every column.

use opentelemetry_sdk::metrics::Temporality;
use serde_json::{Value, json};

use super::exporters::WIRES;
use super::recording::{attributes_stored, bodies, origin, send_histograms, send_logs, send_spans};
use super::support::Server;
use super::support::otlp::ten_minutes_ago;
use super::support::server::{folder, rows};
use super::target;

const ORIGIN: &str =
    "ResourceAttributes, ResourceSchemaUrl, ScopeName, ScopeVersion, ScopeSchemaUrl, ScopeAttributes";

fn with_origin(service: &str, mut row: Value) -> Value {
    for (name, value) in origin(service).as_object().expect("an object") {
        row[name] = value.clone();
    }
    row
}

fn spans_stored(service: &str, start: u64, order: &str, insert: &str) -> Vec<Value> {
    let trace = format!("{:032x}", 0xA1);
    let first = json!({
        "TraceId": trace, "SpanId": order, "ParentSpanId": format!("{:016x}", 0xB2), "TraceState": "vendor=a-1",
        "SpanName": "POST /orders", "SpanKind": "Server", "StatusCode": "Error", "StatusMessage": "deadlock",
        "start": start, "Duration": 1_000_000_007, "SpanAttributes": attributes_stored(),
        "event_times": [start + 1], "Events.Name": ["retry"], "Events.Attributes": [{ "attempt": "2" }],
        "Links.TraceId": [format!("{:032x}", 0xC3)], "Links.SpanId": [format!("{:016x}", 0xD4)],
        "Links.TraceState": ["vendor=a-1"], "Links.Attributes": [{ "why": "cart" }],
    });
    let second = json!({
        "TraceId": trace, "SpanId": insert, "ParentSpanId": order, "TraceState": "vendor=a-1",
        "SpanName": "insert", "SpanKind": "Internal", "StatusCode": "Ok", "StatusMessage": "",
        "start": start + 2, "Duration": 1, "SpanAttributes": {}, "event_times": [], "Events.Name": [],
        "Events.Attributes": [], "Links.TraceId": [], "Links.SpanId": [], "Links.TraceState": [],
        "Links.Attributes": [],
    });
    [first, second].map(|row| with_origin(service, row)).into()
}

fn logs_stored(service: &str, time: u64) -> Vec<Value> {
    let placed = json!({
        "time": time, "observed": time + 1, "TraceId": format!("{:032x}", 0xA1),
        "SpanId": format!("{:016x}", 0xB2), "TraceFlags": 1, "SeverityText": "WARNING", "SeverityNumber": 14,
        "Body": "order 7 placed", "BodyType": "string", "EventName": "order.placed",
        "LogAttributes": { "bytes": "AP8=", "map": r#"{"a":1}"#, "smallest": "-9223372036854775808" },
    });
    let others = (2..).zip(bodies()).map(|(after, (_, body, kind))| {
        json!({
            "time": time + after, "observed": time + after, "TraceId": "", "SpanId": "", "TraceFlags": 0,
            "SeverityText": "", "SeverityNumber": 0, "Body": body, "BodyType": kind, "EventName": "",
            "LogAttributes": {},
        })
    });
    [placed].into_iter().chain(others).map(|row| with_origin(service, row)).collect()
}

/// How often the values count in each export, and the number of the temporality. Shutting down exports once more, but
/// nothing that has not changed in deltas.
fn exports(temporality: Temporality) -> (&'static [u32], u32) {
    if temporality == Temporality::Delta { (&[1, 1], 1) } else { (&[1, 2, 2], 2) }
}

fn explicit_stored(service: &str, temporality: Temporality) -> Vec<Value> {
    let (exports, temporality) = exports(temporality);
    let row = |times: &u32| {
        let row = json!({
            "MetricName": "explicit", "MetricUnit": "s", "MetricDescription": "", "Attributes": attributes_stored(),
            "Count": 8 * times, "Sum": 1101.75 * f64::from(*times), "Min": -6, "Max": 1000,
            "BucketCounts": vec![2 * times; 4], "ExplicitBounds": [0, 1, 10],
            "AggregationTemporality": temporality,
        });
        with_origin(service, row)
    };
    exports.iter().map(row).collect()
}

/// At scale 0 bucket i counts values above 2^i and up to 2^(i+1).
fn exponential_stored(service: &str, temporality: Temporality) -> Vec<Value> {
    let (exports, temporality) = exports(temporality);
    let row = |times: &u32| {
        let positive = [1, 1, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1];
        let row = json!({
            "MetricName": "exponential", "MetricUnit": "", "MetricDescription": "Doubling", "Attributes": {},
            "Count": 8 * times, "Sum": 1101.75 * f64::from(*times), "Min": -6, "Max": 1000, "Scale": 0,
            "ZeroCount": times, "PositiveOffset": -2, "PositiveBucketCounts": positive.map(|count| count * times),
            "NegativeOffset": 2, "NegativeBucketCounts": [times], "AggregationTemporality": temporality,
        });
        with_origin(service, row)
    };
    exports.iter().map(row).collect()
}

const SPANS: &str = "TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, StatusCode, StatusMessage, \
    toUnixTimestamp64Nano(Timestamp) AS start, Duration, SpanAttributes, \
    arrayMap(time -> toUnixTimestamp64Nano(time), Events.Timestamp) AS event_times, Events.Name, Events.Attributes, \
    Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes";
const LOGS: &str = "toUnixTimestamp64Nano(Timestamp) AS time, toUnixTimestamp64Nano(ObservedTimestamp) AS observed, \
    TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, Body, BodyType, EventName, LogAttributes";
const EXPLICIT: &str = "MetricName, MetricUnit, MetricDescription, Attributes, Count, Sum, Min, Max, BucketCounts, \
    ExplicitBounds, AggregationTemporality";
const EXPONENTIAL: &str = "MetricName, MetricUnit, MetricDescription, Attributes, Count, Sum, Min, Max, Scale, \
    ZeroCount, PositiveOffset, PositiveBucketCounts, NegativeOffset, NegativeBucketCounts, AggregationTemporality";

#[test]
fn spans_records_and_histograms_are_stored_as_they_were_recorded() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let folder = folder();
    let server = Server::start(&folder, "");
    let to = target(&server);
    let time = ten_minutes_ago();
    let sent: Vec<_> = WIRES
        .iter()
        .zip([Temporality::Cumulative, Temporality::Delta, Temporality::Cumulative, Temporality::Delta])
        .map(|(wire, temporality)| {
            let service = format!("{wire:?}");
            let ids = send_spans(wire.spans(to), &service, time).map(|id| id.to_string());
            send_logs(wire.logs(to), &service, time);
            send_histograms(wire.metrics(to, temporality), &service);
            (service, ids, temporality)
        })
        .collect();
    assert!(server.stop().status.success());

    let read = |table: &str, columns: &str, order: &str| {
        rows(&folder, &format!("SELECT {ORIGIN}, {columns} FROM telemetryflow.{table} ORDER BY {order}"))
    };
    let spans = read("otel_traces", SPANS, "Timestamp");
    let logs = read("otel_logs", LOGS, "Timestamp");
    let explicit = read("otel_metrics_histogram", EXPLICIT, "TimeUnix");
    let exponential = read("otel_metrics_exponential_histogram", EXPONENTIAL, "TimeUnix");
    for (service, [order, insert], temporality) in &sent {
        let of = |all: &[Value]| -> Vec<Value> {
            let ours = |row: &&Value| row["ResourceAttributes"]["service.name"] == **service;
            all.iter().filter(ours).cloned().collect()
        };
        assert_eq!(of(&spans), spans_stored(service, time, order, insert));
        assert_eq!(of(&logs), logs_stored(service, time));
        assert_eq!(of(&explicit), explicit_stored(service, *temporality));
        assert_eq!(of(&exponential), exponential_stored(service, *temporality));
    }
}
