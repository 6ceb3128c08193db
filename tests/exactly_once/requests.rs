//! Requests whose items have numbers: no number is given twice, and each is found again in the tables.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use telemetryflow::shared::Signal;

use super::Sent;
use crate::support::every_way::{Export, JSON};
use crate::support::otlp;
use crate::support::otlp_json::Writer;
use crate::support::server::PROTOBUF;

const ITEMS_PER_REQUEST: u64 = 10;
/// Series that get points all the time; each request of metrics brings one new series as well.
const LASTING_SERIES: u64 = 40;

/// How a request is written. Each is kept and read again by other code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Protobuf,
    Gzip,
    Zstd,
    Json,
    Grpc,
}

impl Form {
    const ALL: [Self; 5] = [Self::Protobuf, Self::Gzip, Self::Zstd, Self::Json, Self::Grpc];

    /// Of a request over HTTP.
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Protobuf | Self::Grpc => &[PROTOBUF],
            Self::Gzip => &[PROTOBUF, ("content-encoding", "gzip")],
            Self::Zstd => &[PROTOBUF, ("content-encoding", "zstd")],
            Self::Json => &[JSON],
        }
    }

    /// The answer to a request of which nothing was rejected.
    pub const fn taken(self) -> &'static [u8] {
        match self {
            Self::Protobuf | Self::Gzip | Self::Zstd | Self::Grpc => b"",
            Self::Json => b"{}",
        }
    }

    /// JSON can be spelled in many ways; the seed chooses.
    fn write(self, export: &impl Export, seed: u64) -> Vec<u8> {
        let message = export.encode_to_vec();
        match self {
            Self::Protobuf | Self::Grpc => message,
            Self::Gzip => otlp::gzip(&message),
            Self::Zstd => zstd::bulk::compress(&message, 3).expect("zstd"),
            Self::Json => export.json(&mut Writer(fastrand::Rng::with_seed(seed))).into_bytes(),
        }
    }
}

/// The bytes that are sent, as often as need be, and the numbers of the items in them.
#[derive(Debug, Clone)]
pub struct Request {
    pub signal: Signal,
    pub items: Range<u64>,
    pub form: Form,
    pub body: Vec<u8>,
}

/// Gives out numbers from 1 on.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Default for Numbers {
    fn default() -> Self {
        Self::beginning_at(1)
    }
}

impl Numbers {
    pub const fn beginning_at(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    fn take(&self, count: u64) -> Range<u64> {
        let first = self.0.fetch_add(count, Ordering::SeqCst);
        first..first + count
    }
}

impl Request {
    /// The next one of the signal.
    pub fn new(signal: Signal, numbers: &Numbers) -> Self {
        Self::with_text(signal, numbers, "item")
    }

    /// As [`Self::new`], with a text of its own in every item.
    pub fn with_text(signal: Signal, numbers: &Numbers, text: &str) -> Self {
        let items = numbers.take(ITEMS_PER_REQUEST);
        let turn = usize::try_from(items.start / ITEMS_PER_REQUEST).expect("not that many items");
        let form = *Form::ALL.iter().cycle().nth(turn % Form::ALL.len()).expect("a form");
        Self::write(signal, items, form, text)
    }

    /// As [`Self::with_text`], with so many items, in plain protobuf over HTTP.
    pub fn plain(signal: Signal, numbers: &Numbers, count: u64, text: &str) -> Self {
        Self::write(signal, numbers.take(count), Form::Protobuf, text)
    }

    fn write(signal: Signal, items: Range<u64>, form: Form, text: &str) -> Self {
        let body = match signal {
            Signal::Metrics => form.write(&points(items.clone(), text), items.start),
            Signal::Logs => form.write(&records(items.clone(), text), items.start),
            Signal::Traces => form.write(&spans(items.clone(), text), items.start),
        };
        Self { signal, items, form, body }
    }

    /// It was acknowledged, and its bytes were sent so often.
    pub fn sent(&self, attempts: u32) -> Sent {
        Sent { signal: self.signal, items: self.items.clone(), attempts }
    }
}

/// A time that no other item has.
fn time(item: u64) -> u64 {
    otlp::moment() + item
}

/// The number is the value, and with its time and series it is the identity, too.
fn points(items: Range<u64>, text: &str) -> ExportMetricsServiceRequest {
    let point = |item: u64, series: String| -> NumberDataPoint {
        let value = i64::try_from(item).expect("not that many items");
        otlp::labelled(otlp::int(time(item), value), &[("series", &series), ("text", text)])
    };
    let (new, lasting) = (items.start, items.start + 1..items.end);
    let mut points = vec![point(new, format!("new-{new}"))];
    points.extend(lasting.map(|item| point(item, format!("lasting-{}", item % LASTING_SERIES))));
    otlp::export(vec![otlp::gauge("exactly.once", points)])
}

/// The number ends the body.
fn records(items: Range<u64>, text: &str) -> ExportLogsServiceRequest {
    let record = |item: u64| LogRecord {
        time_unix_nano: time(item),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(format!("{text} {item}"))) }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: items.map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

/// The number is the span's id; the spans of a request are one trace.
fn spans(items: Range<u64>, text: &str) -> ExportTraceServiceRequest {
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
    ExportTraceServiceRequest { resource_spans }
}

fn resource() -> Resource {
    Resource { attributes: vec![otlp::text("service.name", "exactly-once")], ..Resource::default() }
}
