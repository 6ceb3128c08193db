//! Scenario: JSON as exporters, browsers and people write it is posted to a running server, row by row of the table "JSON" of
//! `docs/otlp.md`.
//! Guarantees: each row is answered and stored as the table says; what is bad costs its own item, and only what cannot be read
//! costs the request.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::fmt::Write;

use serde_json::{Value, json};
use support::every_way::JSON;
use support::http::request;
use support::otlp::{assert_taken, body, gauge, int, moment, status};
use support::server::{PROTOBUF, folder};
use support::{Answer, Connection, Server, tables};

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";

/// A server with one connection for JSON.
struct Sender {
    server: Server,
    connection: Connection,
}

impl Sender {
    fn start(folder: &tempfile::TempDir) -> Self {
        let server = Server::start(folder, AT_ONCE);
        let connection = Connection::open(server.otlp);
        Self { server, connection }
    }

    fn post(&mut self, path: &str, json: &[u8]) -> Answer {
        self.connection.ask(&request("POST", path, &[JSON], json))
    }

    /// A log record whose name is that of its row, with the members that are given.
    fn record(&mut self, row: &str, members: &str) -> Answer {
        let comma = if members.is_empty() { "" } else { "," };
        let record = format!(r#"{{"eventName":"{row}"{comma}{members}}}"#);
        self.post(
            "/v1/logs",
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#).as_bytes(),
        )
    }

    fn span(&mut self, members: &str) -> Answer {
        let time = moment();
        let span = format!(
            r#"{{"startTimeUnixNano":"{time}","endTimeUnixNano":"{time}","traceId":"{:032x}","spanId":"{:016x}",{members}}}"#,
            1, 2
        );
        self.post(
            "/v1/traces",
            format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#).as_bytes(),
        )
    }

    /// Points of a gauge.
    fn points(&mut self, metric: &str, points: &[String]) -> Answer {
        let points = points.join(",");
        let metric = format!(r#"{{"name":"{metric}","gauge":{{"dataPoints":[{points}]}}}}"#);
        self.post(
            "/v1/metrics",
            format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#).as_bytes(),
        )
    }

    fn stop(self) {
        assert!(self.server.stop().status.success());
    }
}

/// A point a second, each with its members.
fn points(members: &[&str]) -> Vec<String> {
    let start = moment();
    let seconds = (start..).step_by(1_000_000_000);
    seconds.zip(members).map(|(time, members)| format!(r#"{{"timeUnixNano":"{time}",{members}}}"#)).collect()
}

#[track_caller]
fn assert_empty_object(answer: &Answer, row: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{row}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{row}");
}

#[track_caller]
fn assert_unreadable(answer: &Answer, row: &str) {
    assert_eq!(answer.status, 400, "{row}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{row}");
    let status = status(answer);
    assert!(status.code == 3 && (1..256).contains(&status.message.len()), "{row}: {status:?}");
}

#[test]
fn empty_requests_are_taken_and_no_json_or_null_is_refused() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    for (path, list, scopes) in [
        ("/v1/metrics", "resourceMetrics", "scopeMetrics"),
        ("/v1/logs", "resourceLogs", "scopeLogs"),
        ("/v1/traces", "resourceSpans", "scopeSpans"),
    ] {
        for empty in [
            "{}".to_owned(),
            format!("{{\"{list}\":[]}}"),
            format!("{{\"{list}\":[{{}}]}}"),
            format!("{{\"{list}\":[{{\"{scopes}\":[{{}}]}}]}}"),
        ] {
            assert_empty_object(&sender.post(path, empty.as_bytes()), &format!("empty envelopes: {empty}"));
        }
        for nothing in ["", " ", "null", "[]", "{} x", "{", "{\"a\":NaN}", "{'a':1}"] {
            assert_unreadable(&sender.post(path, nothing.as_bytes()), &format!("unreadable: {nothing:?}"));
        }
    }
}

#[test]
fn json_and_protobuf_alternate_on_one_connection() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let protobuf =
        request("POST", "/v1/metrics", &[PROTOBUF], &body(vec![gauge("m", vec![int(moment(), 1)])]));
    for turn in 0..20 {
        assert_taken(&sender.connection.ask(&protobuf));
        assert_empty_object(&sender.record("alternating", ""), &format!("turn {turn}"));
        if turn % 10 == 0 {
            assert_unreadable(&sender.post("/v1/logs", b"["), "in between");
        }
    }
    let accepted = sender.server.measured("telemetryflow_http_connections_accepted_total", &["otlp_http"]);
    assert_eq!(accepted, 1);
}

#[test]
fn names_other_than_lower_camel_case_and_unknown_members_are_ignored_at_every_level() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let noise =
        r#""unknown":{"logRecords":[[null]]},"event_name":"snake","EventName":"capital","severity_number":9"#;
    let json = format!(
        r#"{{{noise},"resourceLogs":[{{{noise},"resource":{{{noise},"dropped_attributes_count":7}},"scopeLogs":[{{{noise},
           "scope":{{{noise}}},"log_records":[{{}}],"logRecords":[{{{noise},"eventName":"camel","body":{{{noise},"string_value":"x"}}}}]}}]}}]}}"#
    );
    assert_empty_object(&sender.post("/v1/logs", json.as_bytes()), "snake_case");
    sender.stop();
    let found = tables::rows(
        &folder,
        "SELECT EventName, SeverityNumber, BodyType, ResourceDroppedAttributesCount FROM telemetryflow.otel_logs",
    );
    assert_eq!(found, [json!(["camel", 0, "empty", 0])]);
}

#[test]
fn ids_are_hexadecimal_in_any_case_and_anything_else_is_an_invalid_id() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let (trace, upper) = ("5b8efff798038103d269b633813fc60c", "5B8EFFF798038103D269B633813FC60C");
    for (row, id) in [("lower", trace), ("upper", upper)] {
        let answer = sender.record(row, &format!(r#""traceId":"{id}","spanId":"EEE19b7ec3c1b174""#));
        assert_empty_object(&answer, row);
    }
    assert_empty_object(&sender.record("empty", r#""traceId":"","spanId":"""#), "empty id = absent");
    for (row, id) in
        [("base64", "W47/95gDgQPSabYzgT/GDA=="), ("odd", &trace[1..]), ("long", &format!("{trace}00"))]
    {
        let answer = sender.record(row, &format!(r#""traceId":"{id}""#)).json();
        let message = answer["partialSuccess"]["errorMessage"].as_str().expect("a warning").to_owned();
        assert!(message.contains("a log record's trace id"), "{row}: {message}");
        let answer = sender.span(&format!(r#""name":"{row}","traceId":"{id}""#)).json();
        assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{row}: {answer}");
    }
    sender.stop();
    let found = tables::rows(
        &folder,
        "SELECT EventName, TraceId, SpanId FROM telemetryflow.otel_logs ORDER BY EventName",
    );
    let span = "eee19b7ec3c1b174";
    let expected = [
        json!(["base64", "", ""]),
        json!(["empty", "", ""]),
        json!(["long", "", ""]),
        json!(["lower", trace, span]),
        json!(["odd", "", ""]),
        json!(["upper", trace, span]),
    ];
    assert_eq!(found, expected);
    assert_eq!(tables::rows(&folder, "SELECT count() FROM telemetryflow.otel_traces"), [json!([0])]);
}

#[test]
fn enums_are_numbers_or_known_names_and_unknown_names_are_refused() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let cases = [
        ("2", 2),
        ("\"2\"", 2),
        ("2.0", 2),
        ("\"SPAN_KIND_CONSUMER\"", 5),
        ("77", 77),
        ("-1", -1),
        ("null", 0),
    ];
    for (at, (kind, _)) in (10_u64..).zip(cases) {
        let members = format!(r#""name":"{at}","spanId":"{at:016x}","kind":{kind}"#);
        assert_empty_object(&sender.span(&members), &format!("enums: {kind}"));
    }
    for unknown in ["\"SERVER\"", "\"span_kind_server\"", "\"\"", "1.5", "true", "2147483648"] {
        let answer = sender.span(&format!(r#""name":"x","kind":{unknown}"#));
        assert_unreadable(&answer, &format!("unknown names 400: {unknown}"));
    }
    sender.stop();
    let found =
        tables::rows(&folder, "SELECT SpanKindNumber FROM telemetryflow.otel_traces ORDER BY SpanName");
    assert_eq!(found, cases.map(|(_, number)| json!([number])));
}

#[test]
fn whole_numbers_are_read_exactly_quoted_or_not_and_fractions_are_refused() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let integers = [
        ("9223372036854775807", i64::MAX),
        ("\"9223372036854775807\"", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("9007199254740993", (1 << 53) + 1),
        ("\"9007199254740993\"", (1 << 53) + 1),
        ("1.0", 1),
        ("1e3", 1_000),
        ("\"1e3\"", 1_000),
    ];
    let members = integers.map(|(written, _)| format!(r#""asInt":{written}"#));
    let answer = sender.points("integers", &points(&members.each_ref().map(String::as_str)));
    assert_empty_object(&answer, "64-bit integers");
    for (row, flags) in [("plain", "7"), ("quoted", "\"7\""), ("point", "7.0"), ("exponent", "\"70e-1\"")] {
        assert_empty_object(&sender.record(row, &format!(r#""flags":{flags}"#)), &format!("32-bit: {row}"));
    }
    for (member, wrong) in [
        ("flags", "1.5"),
        ("flags", "4294967296"),
        ("flags", "-1"),
        ("flags", "\"\""),
        ("timeUnixNano", "1.5"),
        ("timeUnixNano", "18446744073709551616"),
        ("timeUnixNano", "\"0x10\""),
        ("timeUnixNano", "true"),
    ] {
        let answer = sender.record("fraction", &format!(r#""{member}":{wrong}"#));
        assert_unreadable(&answer, &format!("1.5 is 400: {member} {wrong}"));
    }
    sender.stop();
    let found = tables::rows(
        &folder,
        "SELECT toString(ValueInteger) FROM telemetryflow.otel_metrics_gauge WHERE MetricName = 'integers' ORDER BY TimeUnix",
    );
    assert_eq!(found, integers.map(|(_, number)| json!([number.to_string()])));
    assert_eq!(tables::rows(&folder, "SELECT DISTINCT Flags FROM telemetryflow.otel_logs"), [json!([7])]);
}

#[test]
fn doubles_are_numbers_quoted_numbers_or_names_in_every_double_field() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let doubles = [
        ("0.1", "0.1"),
        ("\"0.1\"", "0.1"),
        ("1", "1"),
        ("-2.5e-3", "-0.0025"),
        ("5e-324", "5e-324"),
        ("\"NaN\"", "nan"),
        ("\"Infinity\"", "inf"),
        ("\"-Infinity\"", "-inf"),
    ];
    let members = doubles.map(|(written, _)| format!(r#""asDouble":{written}"#));
    let answer = sender.points("doubles", &points(&members.each_ref().map(String::as_str)));
    assert_empty_object(&answer, "doubles");
    for (written, text) in [("\"NaN\"", "NaN"), ("\"-Infinity\"", "-Infinity"), ("0.5", "0.5")] {
        let answer = sender.record(text, &format!(r#""body":{{"doubleValue":{written}}}"#));
        assert_empty_object(&answer, text);
    }
    let time = moment();
    let histogram = format!(
        r#"{{"name":"h","histogram":{{"aggregationTemporality":1,"dataPoints":[{{"timeUnixNano":"{time}","count":2,"sum":"NaN",
           "min":"-Infinity","max":"Infinity","bucketCounts":["1",1],"explicitBounds":["0.5"]}}]}}}}"#
    );
    let request = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{histogram}]}}]}}]}}"#);
    assert_empty_object(&sender.post("/v1/metrics", request.as_bytes()), "every double field");
    for wrong in ["NaN", "Infinity", "-Infinity", "\"nan\"", "\"inf\"", "\"\"", "\"1,5\"", "true"] {
        let answer = sender.points("wrong", &points(&[&format!(r#""asDouble":{wrong}"#)]));
        assert_unreadable(&answer, &format!("bare NaN is 400: {wrong}"));
    }
    sender.stop();
    let found = tables::rows(
        &folder,
        "SELECT toString(Value) FROM telemetryflow.otel_metrics_gauge WHERE MetricName = 'doubles' ORDER BY TimeUnix",
    );
    assert_eq!(found, doubles.map(|(_, text)| json!([text])));
    let found = tables::rows(
        &folder,
        "SELECT toString(Sum), toString(Min), toString(Max), ExplicitBounds FROM telemetryflow.otel_metrics_histogram",
    );
    assert_eq!(found, [json!(["nan", "-inf", "inf", [0.5]])]);
    let found = tables::rows(
        &folder,
        "SELECT countIf(EventName = Body AND BodyType = 'double') FROM telemetryflow.otel_logs",
    );
    assert_eq!(found, [json!([3])]);
}

#[test]
fn null_is_absent_and_costs_the_point_that_it_leaves_without_a_value() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let null = r#""timeUnixNano":null,"severityNumber":null,"body":null,"attributes":null,"traceId":null,"flags":null"#;
    assert_empty_object(&sender.record("null", null), "null for any field");
    let answer =
        sender.points("null", &points(&[r#""asDouble":1"#, r#""asDouble":null"#, r#""asDouble":3"#]));
    let partial = answer.json()["partialSuccess"].clone();
    assert_eq!(partial["rejectedDataPoints"], "1", "a count is a string: {partial}");
    assert!(partial["errorMessage"].as_str().is_some_and(|text| text.contains("has no value")), "{partial}");
    sender.stop();
    assert_eq!(tables::rows(&folder, "SELECT sum(value) FROM telemetryflow.metric_samples"), [json!([4])]);
    assert_eq!(tables::rows(&folder, "SELECT count() FROM telemetryflow.otel_logs"), [json!([1])]);
}

#[test]
fn bytes_come_in_four_spellings_and_values_may_be_empty() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let cases = [
        (r#"{"bytesValue":"+/+/7w=="}"#, "+/+/7w==", "bytes"),
        (r#"{"bytesValue":"-_-_7w=="}"#, "+/+/7w==", "bytes"),
        (r#"{"bytesValue":"+/+/7w"}"#, "+/+/7w==", "bytes"),
        (r#"{"bytesValue":"-_-_7w"}"#, "+/+/7w==", "bytes"),
        (r#"{"arrayValue":{}}"#, "[]", "array"),
        (r#"{"kvlistValue":{}}"#, "{}", "map"),
        (r#"{"value":{}}"#, "", "empty"),
        ("{}", "", "empty"),
        (r#"{"stringValue":""}"#, "", "string"),
        // The last member counts.
        (r#"{"stringValue":"a","intValue":"5"}"#, "5", "int"),
        (r#"{"stringValue":"a","stringValue":"b"}"#, "b", "string"),
    ];
    for (at, (value, ..)) in (10..).zip(cases) {
        assert_empty_object(&sender.record(&at.to_string(), &format!(r#""body":{value}"#)), value);
    }
    for wrong in ["+_+_7w==", "a", "ab=c"] {
        let answer = sender.record("x", &format!(r#""body":{{"bytesValue":"{wrong}"}}"#));
        assert_unreadable(&answer, &format!("no base64: {wrong}"));
    }
    sender.stop();
    let found =
        tables::rows(&folder, "SELECT Body, BodyType FROM telemetryflow.otel_logs ORDER BY EventName");
    assert_eq!(found, cases.map(|(_, text, kind)| json!([text, kind])));
}

#[test]
fn text_that_is_not_utf8_and_half_surrogates_are_refused() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    for wrong in
        [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\\udc00", b"\\ud800x", b"\\ud800\\u0041"]
    {
        let json = [b"{\"resourceLogs\":[],\"x\":\"", wrong, b"\"}"].concat();
        let row = String::from_utf8_lossy(wrong).into_owned();
        assert_unreadable(&sender.post("/v1/logs", &json), &row);
    }
    assert_empty_object(&sender.record("pair \\ud83d\\ude00", ""), "a pair of surrogates");
    sender.stop();
    assert_eq!(tables::rows(&folder, "SELECT EventName FROM telemetryflow.otel_logs"), [json!(["pair 😀"])]);
}

#[test]
fn values_nest_64_deep_and_no_depth_overflows_a_stack() {
    let folder = folder();
    let mut sender = Sender::start(&folder);
    let nested = |depth: usize| {
        let mut value = String::new();
        for _ in 0..depth {
            let _ = write!(value, r#"{{"arrayValue":{{"values":["#);
        }
        value.push_str(r#"{"intValue":1}"#);
        value.push_str(&"]}}".repeat(depth));
        value
    };
    let mut deep = |depth| sender.record("deep", &format!(r#""body":{}"#, nested(depth)));
    assert_empty_object(&deep(64), "64 deep");
    let answer = deep(65);
    assert_eq!(answer.json()["partialSuccess"]["rejectedLogRecords"], "1", "65 deep: {}", answer.text());
    assert_unreadable(&deep(100_000), "100,000 deep");
    for unclosed in ["[", "{\"a\":"] {
        assert_unreadable(&sender.post("/v1/logs", unclosed.repeat(100_000).as_bytes()), unclosed);
    }
    assert_empty_object(&sender.record("after", ""), "the server lives");
    sender.stop();
    let found: Vec<Value> =
        tables::rows(&folder, "SELECT EventName FROM telemetryflow.otel_logs ORDER BY EventName");
    assert_eq!(found, [json!(["after"]), json!(["deep"])]);
}
