//! Scenario: log records as the table "Logs" of `docs/otlp.md` has them are sent in all three encodings.
//! Guarantees: each row is answered alike and stored as the table says, once for each time that it was sent.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::json;
use support::every_way::Exporter;
use support::otlp::{MINUTE, moment, now, text};
use support::server::folder;
use support::{Server, tables};

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";

/// Records of the service `shop`, told apart by their event names.
fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "shop")],
        dropped_attributes_count: 3,
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "scope".into(),
        version: "1.0".into(),
        attributes: vec![text("of", "scope")],
        dropped_attributes_count: 4,
    };
    let scope_logs = ScopeLogs { scope: Some(scope), log_records, schema_url: "scope/url".into() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![scope_logs],
            schema_url: "resource/url".into(),
        }],
    }
}

fn record(row: &str) -> LogRecord {
    LogRecord { event_name: row.into(), time_unix_nano: moment(), ..LogRecord::default() }
}

#[test]
fn a_record_without_a_time_bears_that_of_its_observation_else_of_its_receipt() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 1);
    let (time, observed, begun) = (moment(), moment() + 7, now());
    let with = |row: &str, time_unix_nano, observed_time_unix_nano| LogRecord {
        time_unix_nano,
        observed_time_unix_nano,
        ..record(row)
    };
    exporter.taken_every_way(&logs(vec![
        with("own", time, observed),
        with("observed", 0, observed),
        with("receipt", 0, 0),
    ]));
    assert!(server.stop().status.success());
    let ended = now();
    let found = tables::rows(
        &folder,
        "SELECT EventName, count(), toString(any(toUnixTimestamp64Nano(Timestamp))), toString(any(toUnixTimestamp64Nano(ObservedTimestamp))) \
         FROM telemetryflow.otel_logs GROUP BY EventName ORDER BY EventName",
    );
    let row = |name: &str, time: u64, observed: u64| json!([name, 3, time.to_string(), observed.to_string()]);
    assert_eq!(found[..2], [row("observed", observed, observed), row("own", time, observed)]);
    let receipt: u64 = found[2][2].as_str().and_then(|time| time.parse().ok()).expect("a time");
    assert!((begun..ended).contains(&receipt), "both 0: time of receipt: {receipt}");
    assert_eq!(found[2][3], "0");
}

#[test]
fn records_outside_the_window_are_rejected_and_the_others_stay() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 2);
    let day = 24 * 60 * MINUTE;
    for (row, time, reason) in [
        ("old", now() - 8 * day, "older than [ingest] accept_past or the signal's retention allows"),
        ("ahead", now() + 11 * MINUTE, "further ahead than [ingest] accept_future allows"),
        ("beyond", u64::MAX, "further ahead than [ingest] accept_future allows"),
    ] {
        let bad = LogRecord { time_unix_nano: time, ..record("bad") };
        let said = exporter.send_every_way(&logs(vec![record("good"), bad, record("good")]));
        assert_eq!(said.rejected, 1, "{row}: {}", said.message);
        assert_eq!(said.message, format!("1 log records rejected: {reason} (scopes: 'scope')"), "{row}");
    }
    let late = LogRecord { observed_time_unix_nano: u64::MAX, ..record("good") };
    let said = exporter.send_every_way(&logs(vec![late]));
    assert!(said.rejected == 0 && said.message.contains("an observed time after 2100"), "{said:?}");
    assert!(server.stop().status.success());
    let found =
        tables::rows(&folder, "SELECT EventName, count() FROM telemetryflow.otel_logs GROUP BY EventName");
    assert_eq!(found, [json!(["good", 3 * (3 * 2 + 1)])]);
}

#[test]
fn severities_are_kept_as_numbers_whatever_they_are() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 3);
    let numbers: Vec<i32> = (0..=24).chain([25, 1_000, -1, i32::MAX, i32::MIN]).collect();
    let records = numbers.iter().map(|number| LogRecord {
        severity_number: *number,
        severity_text: format!("as {number}"),
        ..record("severity")
    });
    exporter.taken_every_way(&logs(records.collect()));
    assert!(server.stop().status.success());
    let mut expected = numbers;
    expected.sort_unstable();
    let found = tables::rows(
        &folder,
        "SELECT SeverityNumber, SeverityText, count() FROM telemetryflow.otel_logs GROUP BY 1, 2 ORDER BY 1",
    );
    let expected: Vec<_> = expected.iter().map(|number| json!([number, format!("as {number}"), 3])).collect();
    assert_eq!(found, expected);
}

#[test]
fn bodies_of_every_type_are_kept_with_their_type() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 4);
    let list =
        ArrayValue { values: vec![AnyValue { value: Some(Any::IntValue(1)) }, AnyValue { value: None }] };
    let map = KeyValueList { values: vec![text("k", "v")] };
    let bodies = [
        (None, "", "empty"),
        (Some(Any::StringValue("line\nline \u{1F600}\0".into())), "line\nline \u{1F600}\0", "string"),
        (Some(Any::StringValue(String::new())), "", "string"),
        (Some(Any::BoolValue(false)), "false", "bool"),
        (Some(Any::IntValue(i64::MIN)), "-9223372036854775808", "int"),
        (Some(Any::DoubleValue(f64::NAN)), "NaN", "double"),
        (Some(Any::DoubleValue(0.1)), "0.1", "double"),
        (Some(Any::ArrayValue(list)), "[1,null]", "array"),
        (Some(Any::KvlistValue(map)), "{\"k\":\"v\"}", "map"),
        (Some(Any::BytesValue(vec![0, 255, 7])), "AP8H", "bytes"),
    ];
    let records = (10..).zip(&bodies).map(|(at, (value, ..))| LogRecord {
        body: Some(AnyValue { value: value.clone() }),
        ..record(&at.to_string())
    });
    exporter.taken_every_way(&logs(records.collect()));
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT Body, BodyType, count() FROM telemetryflow.otel_logs GROUP BY EventName, 1, 2 ORDER BY EventName",
    );
    assert_eq!(found, bodies.map(|(_, text, kind)| json!([text, kind, 3])));
}

#[test]
fn a_record_with_a_bad_id_is_kept_and_tied_to_no_trace() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 5);
    let with = |trace_id: &[u8], span_id: &[u8]| {
        logs(vec![LogRecord { trace_id: trace_id.into(), span_id: span_id.into(), ..record("ids") }])
    };
    exporter.taken_every_way(&with(&[1; 16], &[2; 8]));
    exporter.taken_every_way(&with(&[], &[]));
    for (row, trace, span) in
        [("zero", &[0; 16][..], &[0; 8][..]), ("short", &[1; 15], &[2; 7]), ("long", &[1; 17], &[2; 16])]
    {
        let said = exporter.send_every_way(&with(trace, span));
        assert_eq!(said.rejected, 0, "{row}");
        for warning in ["a log record's trace id", "a log record's span id"] {
            assert!(said.message.contains(warning), "{row}: {}", said.message);
        }
    }
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT TraceId, SpanId, count() FROM telemetryflow.otel_logs GROUP BY 1, 2 ORDER BY 1",
    );
    assert_eq!(found, [json!(["", "", 12]), json!(["01".repeat(16), "02".repeat(8), 3])]);
}

#[test]
fn event_names_flags_counts_and_what_stands_around_a_record_are_kept_and_can_be_asked_for() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 6);
    let whole = LogRecord {
        attributes: vec![text("http.route", "/cart")],
        dropped_attributes_count: 5,
        flags: 257,
        ..record("device.app.lifecycle")
    };
    exporter.taken_every_way(&logs(vec![whole, record("")]));
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT ServiceName, ResourceSchemaUrl, ResourceAttributes, ResourceDroppedAttributesCount, ScopeSchemaUrl, ScopeName, \
         ScopeVersion, ScopeAttributes, ScopeDroppedAttributesCount, LogAttributes, DroppedAttributesCount, Flags \
         FROM telemetryflow.otel_logs WHERE EventName = 'device.app.lifecycle'",
    );
    let expected = json!([
        "shop",
        "resource/url",
        { "service.name": "shop" },
        3,
        "scope/url",
        "scope",
        "1.0",
        { "of": "scope" },
        4,
        { "http.route": "/cart" },
        5,
        257
    ]);
    assert_eq!(found, vec![expected; 3]);
}
