//! Scenario: log records and spans with every field go from wire bytes through columns and blocks into the embedded engine.
//! Guarantees: what SQL reads back is what was sent, for several tenants in one block; a span sent twice is one span.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

#[path = "signals_store/sent.rs"]
mod sent;

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use sent::{NOW, log_requests, sent_logs, sent_spans, trace_requests};
use serde_json::{Value, json};
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Insert, Select, Store};
use telemetryflow::shared::{LogColumns, SpanColumns, TenantId, Timestamp};
use telemetryflow::telemetry::schema::{MIGRATIONS, retain_logs, retain_traces};
use telemetryflow::telemetry::stages::log_blocks::{self, LOGS_TABLE};
use telemetryflow::telemetry::stages::span_blocks::{self, SPANS_TABLE, TRACE_INDEX_TABLE};
use telemetryflow::telemetry::stages::{
    AcceptanceWindow, AttributeLimits, BODY_BYTES_MAX, LogsIntake, Meter, TracesIntake, walk_logs,
    walk_traces,
};

const TENANTS: [&str; 2] = ["one", "two"];

fn open(path: &Path) -> EmbeddedStore {
    let store = open_empty(path);
    migrate(&store, MIGRATIONS).expect("the tables of this version");
    store
}

fn open_empty(path: &Path) -> EmbeddedStore {
    let store = EmbeddedStore::open(&EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: path.to_owned(),
        writers: 1,
        readers: 1,
        memory_bytes_max: 4 << 30,
        query_limits: QueryLimits {
            time_max: Duration::from_secs(60),
            memory_bytes_max: 1 << 30,
            rows_max: 1_000_000,
        },
    });
    store.expect("the embedded engine")
}

fn insert(store: &EmbeddedStore, table: &'static str, token: &str, batch: &RecordBatch) {
    store.insert(&Insert { table, token, batch }).expect(table);
}

/// The rows of a statement with one column of JSON text, in an order that does not depend on the store.
fn rows(store: &EmbeddedStore, sql: &str) -> Vec<Value> {
    let answer = store.select(&Select::new(sql, &[])).expect(sql);
    let texts = answer.batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    in_order(texts.map(|text| serde_json::from_str(text).expect(text)).collect())
}

fn in_order(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(Value::to_string);
    rows
}

fn assert_same(found: &[Value], sent: &[Value]) {
    assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(sent) {
        assert_eq!(found, sent);
    }
}

fn logs(tenant: &str, body: &[u8]) -> LogColumns {
    let now = Timestamp::from_unix_nanos(NOW).unwrap();
    let window = AcceptanceWindow::around(now, None, None);
    let mut meter = Meter::unlimited();
    let tenant = TenantId::parse(tenant).unwrap();
    let mut intake =
        LogsIntake::new(tenant, now, window, AttributeLimits::default(), BODY_BYTES_MAX, &mut meter);
    walk_logs(body, &mut intake).unwrap();
    let decoded = intake.finish();
    assert_eq!(decoded.findings.message(), "");
    decoded.columns
}

fn spans(tenant: &str, body: &[u8]) -> SpanColumns {
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut meter = Meter::unlimited();
    let tenant = TenantId::parse(tenant).unwrap();
    let mut intake = TracesIntake::new(tenant, window, AttributeLimits::default(), &mut meter);
    walk_traces(body, &mut intake).unwrap();
    let decoded = intake.finish();
    assert_eq!(decoded.findings.message(), "");
    decoded.columns
}

const READ_LOGS: &str = "
    SELECT formatRowNoNewline('JSONCompactEachRow',
        Tenant, toString(toUnixTimestamp64Nano(Timestamp)), toString(toUnixTimestamp64Nano(ObservedTimestamp)),
        TraceId, SpanId, Flags, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, BodyType,
        ResourceSchemaUrl, ResourceAttributes, ResourceDroppedAttributesCount,
        ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttributesCount,
        LogAttributes, DroppedAttributesCount, EventName, toUnixTimestamp(TimestampTime))
    FROM telemetryflow.otel_logs";

#[test]
fn log_records_come_back_as_they_were_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    retain_logs(&store, Duration::from_secs(86_400 * 3_650)).unwrap();
    let requests = log_requests();
    let columns: Vec<_> = TENANTS
        .iter()
        .zip(&requests)
        .map(|(tenant, request)| logs(tenant, &request.encode_to_vec()))
        .collect();
    let block = log_blocks::logs(&columns).unwrap();
    for _ in 0..2 {
        insert(&store, LOGS_TABLE, "v1/logs/1", &block);
    }
    let sent = TENANTS.iter().zip(&requests).flat_map(|(tenant, request)| sent_logs(tenant, request));
    assert_same(&rows(&store, READ_LOGS), &in_order(sent.collect()));
}

const READ_SPANS: &str = "
    SELECT formatRowNoNewline('JSONCompactEachRow',
        Tenant, toString(toUnixTimestamp64Nano(Timestamp)), TraceId, SpanId, ParentSpanId, TraceState, Flags,
        SpanName, SpanKindNumber, SpanKind, ServiceName, ResourceSchemaUrl, ResourceAttributes,
        ResourceDroppedAttributesCount, ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes,
        ScopeDroppedAttributesCount, SpanAttributes, DroppedAttributesCount, toString(Duration),
        StatusNumber, StatusCode, StatusMessage,
        arrayMap(t -> toString(toUnixTimestamp64Nano(t)), Events.Timestamp), Events.Name, Events.Attributes,
        Events.DroppedAttributesCount, DroppedEventsCount,
        Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.Flags,
        Links.DroppedAttributesCount, DroppedLinksCount)
    FROM telemetryflow.otel_traces FINAL";

#[test]
fn spans_come_back_as_they_were_sent_and_twice_the_same_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    retain_traces(&store, Duration::from_secs(86_400 * 3_650)).unwrap();
    let requests = trace_requests();
    let columns: Vec<_> = TENANTS
        .iter()
        .zip(&requests)
        .map(|(tenant, request)| spans(tenant, &request.encode_to_vec()))
        .collect();
    let block = span_blocks::spans(&columns).unwrap();
    // Other batches with the same spans: a client that did not see our answer sends them again.
    for token in ["v1/spans/1", "v1/spans/2"] {
        insert(&store, SPANS_TABLE, token, &block);
    }
    let sent = TENANTS.iter().zip(&requests).flat_map(|(tenant, request)| sent_spans(tenant, request));
    assert_same(&rows(&store, READ_SPANS), &in_order(sent.collect()));
}

#[test]
fn the_index_knows_when_each_trace_began_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [request, _] = trace_requests();
    let columns = spans("one", &request.encode_to_vec());
    let times: Vec<i64> = columns.rows().iter().map(|row| row.start.nanos()).collect();
    let index = span_blocks::trace_index(&[columns.clone(), columns]).unwrap();
    insert(&store, TRACE_INDEX_TABLE, "v1/index/1", &index);
    insert(&store, TRACE_INDEX_TABLE, "v1/index/2", &index);
    let found = rows(
        &store,
        "SELECT formatRowNoNewline('JSONCompactEachRow', Tenant, uniqExact(TraceId),
             toString(toUnixTimestamp64Nano(min(Start))), toString(toUnixTimestamp64Nano(max(End))))
         FROM telemetryflow.trace_index GROUP BY Tenant",
    );
    let traces = request.resource_spans.iter().flat_map(|outer| &outer.scope_spans);
    let ids: std::collections::BTreeSet<_> =
        traces.flat_map(|inner| &inner.spans).map(|span| &span.trace_id).collect();
    let (first, last) = (times.iter().min().unwrap().to_string(), times.iter().max().unwrap().to_string());
    assert_eq!(index.num_rows(), ids.len());
    assert_eq!(found, [serde_json::json!(["one", ids.len(), first, last])]);
}

#[test]
fn a_trace_is_found_by_its_hexadecimal_id() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let [request, _] = trace_requests();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    let id: String = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let block = span_blocks::spans(&[spans("one", &request.encode_to_vec())]).unwrap();
    insert(&store, SPANS_TABLE, "v1/spans/1", &block);
    let by_text = format!("SELECT toString(count()) FROM telemetryflow.otel_traces WHERE TraceId = '{id}'");
    let by_bytes =
        format!("SELECT toString(count()) FROM telemetryflow.otel_traces WHERE trace_id = unhex('{id}')");
    let counted = rows(&store, &by_text);
    assert!(counted[0].as_u64().unwrap() > 0);
    assert_eq!(rows(&store, &by_bytes), counted);
}

/// *Guarantees*: rows of the version that kept a map in each row have the same attributes in the newest one, also if the
/// migration was cut short before any of its statements and began anew.
#[test]
fn attributes_of_resources_survive_the_migration_wherever_it_is_cut_short() {
    const COMPACT: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let store = open_empty(folder.path());
    migrate(&store, &MIGRATIONS[..COMPACT]).unwrap();
    for table in ["otel_logs", "otel_traces"] {
        store
            .execute(&format!(
                "INSERT INTO telemetryflow.{table} (Tenant, Timestamp, ServiceName, ResourceAttributes, ScopeAttributes)
                 VALUES ('a', now64(9), 's', map('service.name', 's', 'a/\"b\"\\n', '\\x01ü/'), map()),
                        ('a', now64(9), 't', map(), map('k', '{{}}'))"
            ))
            .unwrap();
    }
    let statements = MIGRATIONS[COMPACT].statements;
    for cut in 0..=statements.len() {
        statements[..cut].iter().for_each(|statement| store.execute(statement).unwrap());
    }
    migrate(&store, MIGRATIONS).unwrap();
    for table in ["otel_logs", "otel_traces"] {
        let sql = format!(
            "SELECT formatRowNoNewline('JSONCompactEachRow', ServiceName, ResourceAttributes, ScopeAttributes)
             FROM telemetryflow.{table}"
        );
        let expected = [
            json!(["s", { "service.name": "s", "a/\"b\"\n": "\u{1}ü/" }, {}]),
            json!(["t", {}, { "k": "{}" }]),
        ];
        assert_eq!(rows(&store, &sql), expected, "{table}");
    }
}

/// *Guarantees*: bodies of the version that kept each whole, and those that have a template, are what they were, also if the
/// migration was cut short before any of its statements and began anew.
#[test]
fn bodies_are_what_they_were_whole_or_in_parts() {
    const BODY_PARTS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let store = open_empty(folder.path());
    migrate(&store, &MIGRATIONS[..BODY_PARTS]).unwrap();
    let old: Vec<String> = (100..120).map(|number| format!("old order {number} was ü")).collect();
    for body in &old {
        let row = format!("('a', now64(9), '{body}')");
        store
            .execute(&format!("INSERT INTO telemetryflow.otel_logs (Tenant, Timestamp, Body) VALUES {row}"))
            .unwrap();
    }
    let statements = MIGRATIONS[BODY_PARTS].statements;
    for cut in 0..=statements.len() {
        statements[..cut].iter().for_each(|statement| store.execute(statement).unwrap());
    }
    migrate(&store, MIGRATIONS).unwrap();
    let mut bodies: Vec<String> = (1..40).map(|number| format!("order {number} was ü")).collect();
    bodies.extend(["", "once", "1", "\u{1}1\u{0}"].map(str::to_owned));
    let record = |body: &String| LogRecord {
        time_unix_nano: NOW,
        body: Some(AnyValue { value: Some(Any::StringValue(body.clone())) }),
        ..LogRecord::default()
    };
    let scope_logs =
        vec![ScopeLogs { log_records: bodies.iter().map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let request = ExportLogsServiceRequest { resource_logs };
    let block = log_blocks::logs(&[logs("a", &request.encode_to_vec())]).unwrap();
    insert(&store, LOGS_TABLE, "v1/logs/1", &block);
    // Again, with rows that have parts.
    statements.iter().for_each(|statement| store.execute(statement).unwrap());
    bodies.extend(old);
    let body = "SELECT formatRowNoNewline('JSONCompactEachRow', Body) FROM telemetryflow.otel_logs";
    let expected = in_order(bodies.iter().map(|body| json!([body])).collect());
    assert_same(&rows(&store, body), &expected);
    let templates =
        "SELECT toString(countIf(body_template = 'order \\xFF was ü')) AS found FROM telemetryflow.otel_logs";
    assert_eq!(rows(&store, templates), [json!(39)]);
}
