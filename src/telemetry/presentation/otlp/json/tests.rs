//! The JSON reader as a whole, compared with prost's view of what it writes.

mod cases;
mod doubles;
mod hostile;
mod numbers;
mod round_trip;

#[path = "../../../../../tests/support/any_otlp.rs"]
mod any_otlp;
#[path = "../../../../../tests/support/otlp_json.rs"]
mod otlp_json;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric::Data};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::{JsonError, JsonReader};
use crate::shared::Signal;
use crate::telemetry::presentation::otlp::meter::Meter;

fn read(signal: Signal, body: &[u8]) -> Result<Vec<u8>, JsonError> {
    JsonReader::default().transcode(signal, body, &mut Meter::unlimited()).map(<[u8]>::to_vec)
}

/// What prost makes of the bytes that were written.
fn decoded<M: Message + Default>(signal: Signal, body: &str) -> Result<M, JsonError> {
    read(signal, body.as_bytes()).map(|bytes| M::decode(&*bytes).expect("what is written is protobuf"))
}

fn metrics(body: &str) -> Result<ExportMetricsServiceRequest, JsonError> {
    decoded(Signal::Metrics, body)
}

fn logs(body: &str) -> Result<ExportLogsServiceRequest, JsonError> {
    decoded(Signal::Logs, body)
}

fn traces(body: &str) -> Result<ExportTraceServiceRequest, JsonError> {
    decoded(Signal::Traces, body)
}

/// A metric with these members.
fn metric(members: &str) -> Result<Metric, JsonError> {
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{{members}}}]}}]}}]}}"#);
    Ok(metrics(&body)?.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0))
}

/// A point of a gauge with these members.
fn point(members: &str) -> Result<NumberDataPoint, JsonError> {
    match metric(&format!(r#""gauge":{{"dataPoints":[{{{members}}}]}}"#))?.data {
        Some(Data::Gauge(mut gauge)) => Ok(gauge.data_points.remove(0)),
        other => panic!("{other:?}"),
    }
}

fn record(members: &str) -> Result<LogRecord, JsonError> {
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{members}}}]}}]}}]}}"#);
    Ok(logs(&body)?.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

fn span(members: &str) -> Result<Span, JsonError> {
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#);
    Ok(traces(&body)?.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0))
}

/// An `AnyValue`, as the body of a log record.
fn value(any_value: &str) -> Result<Option<Any>, JsonError> {
    Ok(record(&format!(r#""body":{any_value}"#))?.body.and_then(|AnyValue { value }| value))
}
