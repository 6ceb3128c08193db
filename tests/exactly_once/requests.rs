//! Requests whose items have numbers: no number is given twice, and each is found again in the tables.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use telemetryflow::shared::Signal;

use crate::support::otlp;

const ITEMS_PER_REQUEST: u64 = 10;
/// Series that get points all the time; each request of metrics brings one new series as well.
const LASTING_SERIES: u64 = 40;

/// The bytes that are sent, as often as need be, and the numbers of the items in them.
#[derive(Debug, Clone)]
pub struct Request {
    pub signal: Signal,
    pub items: Range<u64>,
    pub body: Vec<u8>,
}

/// Gives out numbers from 1 on.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Default for Numbers {
    fn default() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Numbers {
    fn take(&self) -> Range<u64> {
        let first = self.0.fetch_add(ITEMS_PER_REQUEST, Ordering::SeqCst);
        first..first + ITEMS_PER_REQUEST
    }
}

impl Request {
    /// The next one of the signal.
    pub fn new(signal: Signal, numbers: &Numbers) -> Self {
        Self::with_text(signal, numbers, "item")
    }

    /// As [`Self::new`], with a text of its own in every item.
    pub fn with_text(signal: Signal, numbers: &Numbers, text: &str) -> Self {
        let items = numbers.take();
        let body = match signal {
            Signal::Metrics => points(items.clone(), text),
            Signal::Logs => records(items.clone(), text),
            Signal::Traces => spans(items.clone(), text),
        };
        Self { signal, items, body }
    }
}

/// A time that no other item has.
fn time(item: u64) -> u64 {
    otlp::moment() + item
}

/// The number is the value, and with its time and series it is the identity, too.
fn points(items: Range<u64>, text: &str) -> Vec<u8> {
    let point = |item: u64, series: String| -> NumberDataPoint {
        let value = i64::try_from(item).expect("not that many items");
        otlp::labelled(otlp::int(time(item), value), &[("series", &series), ("text", text)])
    };
    let (new, lasting) = (items.start, items.start + 1..items.end);
    let mut points = vec![point(new, format!("new-{new}"))];
    points.extend(lasting.map(|item| point(item, format!("lasting-{}", item % LASTING_SERIES))));
    otlp::body(vec![otlp::gauge("exactly.once", points)])
}

/// The number ends the body.
fn records(items: Range<u64>, text: &str) -> Vec<u8> {
    let record = |item: u64| LogRecord {
        time_unix_nano: time(item),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(format!("{text} {item}"))) }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: items.map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// The number is the span's id; the spans of a request are one trace.
fn spans(items: Range<u64>, text: &str) -> Vec<u8> {
    let trace = u128::from(items.start).to_be_bytes();
    let span = |item: u64| Span {
        trace_id: trace.to_vec(),
        span_id: item.to_be_bytes().to_vec(),
        name: text.to_owned(),
        start_time_unix_nano: time(item),
        end_time_unix_nano: time(item) + 1,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: items.map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource()), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn resource() -> Resource {
    Resource { attributes: vec![otlp::text("service.name", "exactly-once")], ..Resource::default() }
}
