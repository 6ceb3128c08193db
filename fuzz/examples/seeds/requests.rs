//! One small request of each signal, with every field that OTLP has.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};

/// 2026-11-18, in nanoseconds since the epoch.
const NOW: u64 = 1_795_000_000_000_000_000;

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A value of every type, and nested ones.
fn attributes() -> Vec<KeyValue> {
    let values =
        vec![any(Value::IntValue(-1)), AnyValue { value: None }, any(Value::StringValue("\"".into()))];
    vec![
        attribute("a", Value::ArrayValue(ArrayValue { values })),
        attribute("b", Value::BoolValue(true)),
        attribute("d", Value::DoubleValue(0.5)),
        attribute("m", Value::KvlistValue(KeyValueList { values: vec![text("k", "v")] })),
        attribute("x", Value::BytesValue(vec![0xff; 4])),
        text("a", "again"),
    ]
}

/// Nested deeper than is accepted.
fn too_deep() -> KeyValue {
    let nest = |inner: AnyValue, _| any(Value::ArrayValue(ArrayValue { values: vec![inner] }));
    let value = (0..70).fold(any(Value::IntValue(1)), nest);
    KeyValue { key: "deep".into(), value: Some(value), ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    let attributes = vec![text("service.name", "shop"), attribute("n", Value::IntValue(7))];
    Some(Resource { attributes, dropped_attributes_count: 1, ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "scope".into(),
        version: "1.2".into(),
        attributes: vec![text("s", "t")],
        dropped_attributes_count: 2,
    })
}

/// A good record before and behind one whose attributes are refused.
pub fn deep_logs() -> ExportLogsServiceRequest {
    let mut request = logs();
    let records = &mut request.resource_logs[0].scope_logs[0].log_records;
    let mut deep = records[0].clone();
    deep.attributes.insert(0, too_deep());
    records.insert(1, deep);
    request
}

/// A good span before and behind one that has a link whose attributes are refused.
pub fn deep_traces() -> ExportTraceServiceRequest {
    let mut request = traces();
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    let (mut deep, behind) = (spans[0].clone(), spans[0].clone());
    deep.links.push(deep.links[0].clone());
    deep.links[1].attributes.insert(0, too_deep());
    spans.extend([deep, behind]);
    request
}

/// A good point before and behind one whose attributes are refused.
pub fn deep_metrics() -> ExportMetricsServiceRequest {
    let good = number(number_data_point::Value::AsInt(1));
    let mut deep = good.clone();
    deep.attributes.insert(0, too_deep());
    of(vec![Data::Gauge(Gauge { data_points: vec![good.clone(), deep, good] })])
}

pub fn logs() -> ExportLogsServiceRequest {
    let record = |body: Option<AnyValue>, time: u64| LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: NOW + 5,
        severity_number: 9,
        severity_text: "INFO".into(),
        body,
        attributes: attributes(),
        dropped_attributes_count: 3,
        flags: 1,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "event".into(),
    };
    let log_records = vec![
        record(Some(any(Value::StringValue("a body".into()))), NOW),
        record(attributes().remove(3).value, 0),
        LogRecord { time_unix_nano: u64::MAX, ..LogRecord::default() },
        LogRecord::default(),
    ];
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, schema_url: "url".into() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, schema_url: "url".into() }];
    ExportLogsServiceRequest { resource_logs }
}

pub fn traces() -> ExportTraceServiceRequest {
    let event = Event {
        time_unix_nano: NOW + 1,
        name: "event".into(),
        attributes: vec![text("e", "f")],
        dropped_attributes_count: 1,
    };
    let link = Link {
        trace_id: vec![3; 16],
        span_id: vec![4; 8],
        trace_state: "k=v".into(),
        attributes: vec![text("l", "m")],
        dropped_attributes_count: 1,
        flags: 1,
    };
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        trace_state: "k=v".into(),
        parent_span_id: vec![5; 8],
        flags: 257,
        name: "GET /".into(),
        kind: 2,
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + 9,
        attributes: attributes(),
        dropped_attributes_count: 1,
        events: vec![event.clone(), event],
        dropped_events_count: 2,
        links: vec![link],
        dropped_links_count: 3,
        status: Some(Status { message: "failed".into(), code: 2 }),
    };
    let bad = Span { trace_id: vec![1; 15], ..span.clone() };
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: vec![span, bad], schema_url: "url".into() }];
    let resource_spans = vec![ResourceSpans { resource: resource(), scope_spans, schema_url: "url".into() }];
    ExportTraceServiceRequest { resource_spans }
}

pub fn metrics() -> ExportMetricsServiceRequest {
    of(all_kinds().into_iter().map(|(_, data)| data).collect())
}

/// A request for each kind of metric.
pub fn each_kind() -> Vec<(&'static str, ExportMetricsServiceRequest)> {
    all_kinds().into_iter().map(|(name, data)| (name, of(vec![data]))).collect()
}

fn of(kinds: Vec<Data>) -> ExportMetricsServiceRequest {
    let metric = |data: Data| Metric {
        name: "m".into(),
        description: "what it is".into(),
        unit: "By".into(),
        metadata: vec![text("x", "y")],
        data: Some(data),
    };
    let metrics = kinds.into_iter().map(metric).collect();
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, schema_url: "url".into() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: resource(), scope_metrics, schema_url: "url".into() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn exemplars() -> Vec<Exemplar> {
    let one = |value: exemplar::Value| Exemplar {
        filtered_attributes: vec![text("f", "g")],
        time_unix_nano: NOW - 1,
        span_id: vec![2; 8],
        trace_id: vec![1; 16],
        value: Some(value),
    };
    vec![one(exemplar::Value::AsInt(5)), one(exemplar::Value::AsDouble(0.5)), Exemplar::default()]
}

fn number(value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(),
        start_time_unix_nano: NOW - 9,
        time_unix_nano: NOW,
        exemplars: exemplars(),
        flags: 0,
        value: Some(value),
    }
}

fn all_kinds() -> Vec<(&'static str, Data)> {
    let ended = NumberDataPoint { flags: 1, value: None, ..number(number_data_point::Value::AsInt(0)) };
    let numbers = vec![number(number_data_point::Value::AsDouble(0.25)), ended];
    let integers =
        vec![number(number_data_point::Value::AsInt(i64::MAX)), number(number_data_point::Value::AsInt(-1))];
    vec![
        ("gauge", Data::Gauge(Gauge { data_points: numbers })),
        ("sum", Data::Sum(Sum { data_points: integers, aggregation_temporality: 2, is_monotonic: true })),
        (
            "histogram",
            Data::Histogram(Histogram { data_points: vec![histogram_point()], aggregation_temporality: 1 }),
        ),
        (
            "exponential-histogram",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential_point()],
                aggregation_temporality: 2,
            }),
        ),
        ("summary", Data::Summary(Summary { data_points: vec![summary_point()] })),
    ]
}

fn histogram_point() -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: vec![text("h", "i")],
        start_time_unix_nano: NOW - 9,
        time_unix_nano: NOW,
        count: 6,
        sum: Some(1.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, 1.0],
        exemplars: exemplars(),
        flags: 0,
        min: Some(0.25),
        max: Some(2.0),
    }
}

fn exponential_point() -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: vec![text("h", "i")],
        start_time_unix_nano: NOW - 9,
        time_unix_nano: NOW,
        count: 9,
        sum: Some(1.5),
        scale: 3,
        zero_count: 3,
        positive: Some(Buckets { offset: -4, bucket_counts: vec![1, 2] }),
        negative: Some(Buckets { offset: 300, bucket_counts: vec![3] }),
        flags: 0,
        exemplars: exemplars(),
        min: Some(-2.0),
        max: Some(2.0),
        zero_threshold: 0.001,
    }
}

fn summary_point() -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: vec![text("h", "i")],
        start_time_unix_nano: NOW - 9,
        time_unix_nano: NOW,
        count: 9,
        sum: 1.5,
        quantile_values: vec![
            ValueAtQuantile { quantile: 0.0, value: 1.0 },
            ValueAtQuantile { quantile: 0.99, value: 2.0 },
        ],
        flags: 0,
    }
}
