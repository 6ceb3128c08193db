//! OTLP requests and answers, with as few words as tests need.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use telemetryflow::platform::clock::SystemClock;
use telemetryflow::shared::Clock;

use super::Answer;

pub const SECOND: u64 = 1_000_000_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const DELTA: i32 = AggregationTemporality::Delta as i32;
pub const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// Nanoseconds since the epoch.
pub fn now() -> u64 {
    SystemClock.now().nanos().cast_unsigned()
}

/// A whole minute, ten minutes ago.
pub fn ten_minutes_ago() -> u64 {
    now() / MINUTE * MINUTE - 10 * MINUTE
}

/// As [`ten_minutes_ago`], and the same one in all of a test.
pub fn moment() -> u64 {
    static MOMENT: LazyLock<u64> = LazyLock::new(ten_minutes_ago);
    *MOMENT
}

pub fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Some(any_value::Value::StringValue(value.into())))
}

pub fn attribute(key: &str, value: Option<any_value::Value>) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

/// A point that says of itself only what it is given.
pub fn point(time: u64, value: Option<Value>) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: time, value, ..NumberDataPoint::default() }
}

pub fn int(time: u64, value: i64) -> NumberDataPoint {
    point(time, Some(Value::AsInt(value)))
}

pub fn double(time: u64, value: f64) -> NumberDataPoint {
    point(time, Some(Value::AsDouble(value)))
}

/// A point that ends its series (`NO_RECORDED_VALUE`).
pub fn gap(time: u64) -> NumberDataPoint {
    NumberDataPoint { flags: 1, ..point(time, None) }
}

pub fn labelled(mut point: NumberDataPoint, labels: &[(&str, &str)]) -> NumberDataPoint {
    point.attributes = labels.iter().map(|(key, value)| text(key, value)).collect();
    point
}

pub fn started(start: u64, point: NumberDataPoint) -> NumberDataPoint {
    NumberDataPoint { start_time_unix_nano: start, ..point }
}

pub fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.into(), data: Some(data), ..Metric::default() }
}

pub fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Gauge(Gauge { data_points }))
}

pub fn sum(name: &str, temporality: i32, is_monotonic: bool, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Sum(Sum { data_points, aggregation_temporality: temporality, is_monotonic }))
}

/// A request of the service `shop`.
pub fn export(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", "shop")], ..Resource::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
}

/// A request of one service in the zone `eu`, with a scope of this version.
pub fn from(service: &str, version: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", service), text("zone", "eu")],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        version: version.to_owned(),
        attributes: vec![text("of", "scope")],
        ..InstrumentationScope::default()
    };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

pub fn body(metrics: Vec<Metric>) -> Vec<u8> {
    export(metrics).encode_to_vec()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

/// `google.rpc.Status`, what every refusal says.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

/// The `Status` in a refusal, whichever of the two encodings the answer says that it has.
pub fn status(answer: &Answer) -> Status {
    match answer.header("content-type") {
        Some("application/x-protobuf") => Status::decode(&*answer.body).expect("a Status"),
        Some("application/json") => {
            let json = answer.json();
            let code = json["code"].as_i64().and_then(|code| i32::try_from(code).ok()).expect("a code");
            Status { code, message: json["message"].as_str().expect("a message").to_owned() }
        }
        other => panic!("a Status as {other:?}"),
    }
}

/// What an answer 200 rejects, and its message.
pub fn partial_success(answer: &Answer) -> (i64, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let response = ExportMetricsServiceResponse::decode(&*answer.body).expect("an export response");
    let partial = response.partial_success.unwrap_or_default();
    (partial.rejected_data_points, partial.error_message)
}

/// Everything was accepted and nothing remarked: 200 and not a byte.
#[track_caller]
pub fn assert_taken(answer: &Answer) {
    assert_eq!((answer.status, &*answer.body), (200, &b""[..]), "{:?}", partial_success(answer));
}
