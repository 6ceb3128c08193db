//! Scenario: blocks of log records and spans over two days, with texts that want escaping, before and after they are inserted,
//! as a whole and in part.
//! Guarantees: what is there is found, what is not there is named row by row, and both for each day apart.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Insert, Store};
use telemetryflow::shared::{TenantId, Timestamp};
use telemetryflow::telemetry::schema::MIGRATIONS;
use telemetryflow::telemetry::stages::{
    AcceptanceWindow, AttributeLimits, BODY_BYTES_MAX, LogsIntake, Meter, TracesIntake, log_blocks, missing,
    span_blocks, walk_logs, walk_traces,
};

const DAY: u64 = 86_400_000_000_000;
const NOW: u64 = 20_000 * DAY + 5;
/// Quotes, escapes, control characters, other scripts, nothing at all, and more than is compared.
const TEXTS: [&str; 8] =
    ["plain", "it's", "back\\slash\\", "tab\tand\nline\r", "nul\0", "größe 😀", "", "{x:String}"];

fn open(path: &Path) -> EmbeddedStore {
    let query_limits =
        QueryLimits { time_max: Duration::from_secs(30), memory_bytes_max: 1 << 30, rows_max: 1_000_000 };
    let options = EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: path.to_owned(),
        writers: 1,
        readers: 1,
        memory_bytes_max: 2 << 30,
        query_limits,
    };
    let store = EmbeddedStore::open(&options).expect("the embedded engine");
    migrate(&store, MIGRATIONS).expect("the schema");
    store
}

/// Items of even places are of one day, the others of the next.
fn time(place: usize) -> u64 {
    NOW + place as u64 + (place as u64 % 2) * DAY
}

fn service() -> Option<Resource> {
    let value = Some(AnyValue { value: Some(Value::StringValue("shop's \\ till".to_owned())) });
    let attributes = vec![KeyValue { key: "service.name".to_owned(), value, ..KeyValue::default() }];
    Some(Resource { attributes, ..Resource::default() })
}

fn texts() -> impl Iterator<Item = (usize, String)> {
    let long = "x€".repeat(2_000);
    TEXTS.iter().map(|text| (*text).to_owned()).chain([long]).enumerate()
}

fn window() -> AcceptanceWindow {
    AcceptanceWindow::around(Timestamp::EPOCH, None, None)
}

fn logs() -> RecordBatch {
    let record = |(place, text): (usize, String)| LogRecord {
        time_unix_nano: time(place),
        body: Some(AnyValue { value: Some(Value::StringValue(text)) }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: texts().map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: service(), scope_logs, ..ResourceLogs::default() }];
    let body = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
    let mut meter = Meter::unlimited();
    let limits = AttributeLimits::default();
    let mut intake =
        LogsIntake::new(TenantId::unnamed(), Timestamp::EPOCH, window(), limits, BODY_BYTES_MAX, &mut meter);
    walk_logs(&body, &mut intake).expect("a request of prost's can be read");
    log_blocks::logs(&[intake.finish().columns]).expect("a block")
}

fn spans() -> [(&'static str, RecordBatch); 2] {
    let span = |(place, name): (usize, String)| Span {
        trace_id: vec![u8::try_from(place + 1).expect("few"); 16],
        span_id: vec![u8::try_from(place + 1).expect("few"); 8],
        name,
        start_time_unix_nano: time(place),
        end_time_unix_nano: time(place) + 1,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: texts().map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: service(), scope_spans, ..ResourceSpans::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let mut meter = Meter::unlimited();
    let mut intake = TracesIntake::new(TenantId::unnamed(), window(), AttributeLimits::default(), &mut meter);
    walk_traces(&body, &mut intake).expect("a request of prost's can be read");
    let columns = [intake.finish().columns];
    let index = span_blocks::trace_index(&columns).expect("a block");
    [
        ("telemetryflow.trace_index", index),
        ("telemetryflow.otel_traces", span_blocks::spans(&columns).expect("a block")),
    ]
}

#[test]
fn what_is_there_is_found_and_what_is_not_is_named_day_by_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let [index, traces] = spans();
    for (table, block) in [("telemetryflow.otel_logs", logs()), index, traces] {
        let all = block.num_rows();
        assert_eq!(all, TEXTS.len() + 1);
        let rows = |block: &RecordBatch| {
            missing(&store, table, block).expect("an answer").map_or(0, |rows| rows.num_rows())
        };
        assert_eq!(rows(&block), all, "{table}: nothing is there");
        // The first row is a day of its own, as far as parts go.
        let first = block.slice(0, 1);
        store.insert(&Insert { table, token: "first", batch: &first }).expect("an insert");
        assert_eq!((rows(&first), rows(&block)), (0, all), "{table}: one of a day is not the day");
        store.insert(&Insert { table, token: "all", batch: &block }).expect("an insert");
        for row in 0..all {
            assert_eq!(rows(&block.slice(row, 1)), 0, "{table}: row {row} is there");
        }
        assert_eq!(rows(&block), 0, "{table}");
    }
}

#[test]
fn of_a_block_of_two_days_only_the_day_that_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let block = logs();
    let table = "telemetryflow.otel_logs";
    for row in (0..block.num_rows()).step_by(2) {
        let token = format!("row {row}");
        store.insert(&Insert { table, token: &token, batch: &block.slice(row, 1) }).expect("an insert");
    }
    let rows = missing(&store, table, &block).expect("an answer").expect("a day is missing");
    assert_eq!(rows.num_rows(), block.num_rows() / 2);
    store.insert(&Insert { table, token: "the rest", batch: &rows }).expect("an insert");
    assert_eq!(missing(&store, table, &block).expect("an answer"), None);
}
