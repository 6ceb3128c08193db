//! OTLP/JSON of the requests that are sent, and of the answers (OTLP 1.11.0, "JSON Protobuf Encoding"): as much as the
//! workloads have, made once per run.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::{Map, Value, json};

/// Stands for a point's value, with its quotes: as long as the longest integer and most other numbers.
pub const VALUE: &str = "\"<value: 24 characters..>\"";

pub fn metrics(request: &ExportMetricsServiceRequest) -> Vec<u8> {
    let resources = list(&request.resource_metrics, |one| {
        let scopes = list(
            &one.scope_metrics,
            |each| json!({"scope": scope(each.scope.as_ref()), "metrics": list(&each.metrics, metric)}),
        );
        json!({"resource": resource(one.resource.as_ref()), "scopeMetrics": scopes})
    });
    json!({"resourceMetrics": resources}).to_string().into_bytes()
}

pub fn logs(request: &ExportLogsServiceRequest) -> Vec<u8> {
    let resources = list(&request.resource_logs, |one| {
        let scopes = list(
            &one.scope_logs,
            |each| json!({"scope": scope(each.scope.as_ref()), "logRecords": list(&each.log_records, record)}),
        );
        json!({"resource": resource(one.resource.as_ref()), "scopeLogs": scopes})
    });
    json!({"resourceLogs": resources}).to_string().into_bytes()
}

pub fn traces(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let resources = list(&request.resource_spans, |one| {
        let scopes = list(
            &one.scope_spans,
            |each| json!({"scope": scope(each.scope.as_ref()), "spans": list(&each.spans, span)}),
        );
        json!({"resource": resource(one.resource.as_ref()), "scopeSpans": scopes})
    });
    json!({"resourceSpans": resources}).to_string().into_bytes()
}

/// Ids are hexadecimal, not base64.
pub fn id(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many items an answer says were rejected; none where it has another form.
pub fn rejected(answer: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let partial = match answer.as_object()?.get("partialSuccess") {
        None | Some(Value::Null) => return Some(0),
        Some(partial) => partial.as_object()?,
    };
    let mut counts = ["rejectedDataPoints", "rejectedLogRecords", "rejectedSpans"].into_iter();
    match counts.find_map(|name| partial.get(name)) {
        None => Some(0),
        Some(Value::String(count)) => count.parse().ok(),
        Some(count) => count.as_u64(),
    }
}

fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(one).collect())
}

fn resource(resource: Option<&Resource>) -> Value {
    json!({"attributes": resource.map_or_else(|| json!([]), |one| attributes(&one.attributes))})
}

fn scope(scope: Option<&InstrumentationScope>) -> Value {
    scope.map_or(Value::Null, |one| json!({"name": one.name, "version": one.version}))
}

fn attributes(attributes: &[KeyValue]) -> Value {
    list(attributes, |one| json!({"key": one.key, "value": any(one.value.as_ref())}))
}

/// The workloads have strings and integers.
fn any(value: Option<&AnyValue>) -> Value {
    match value.and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => json!({"stringValue": text}),
        Some(Any::IntValue(number)) => json!({"intValue": number.to_string()}),
        _ => json!({}),
    }
}

fn metric(metric: &Metric) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(metric.name));
    fields.insert("description".to_owned(), json!(metric.description));
    fields.insert("unit".to_owned(), json!(metric.unit));
    match &metric.data {
        Some(metric::Data::Gauge(gauge)) => {
            fields.insert("gauge".to_owned(), json!({"dataPoints": list(&gauge.data_points, point)}));
        }
        Some(metric::Data::Sum(sum)) => {
            let temporality = sum.aggregation_temporality;
            let sum = json!({
                "dataPoints": list(&sum.data_points, point),
                "aggregationTemporality": temporality,
                "isMonotonic": sum.is_monotonic,
            });
            fields.insert("sum".to_owned(), sum);
        }
        _ => {}
    }
    Value::Object(fields)
}

fn point(point: &NumberDataPoint) -> Value {
    let mut fields = Map::new();
    fields.insert("attributes".to_owned(), attributes(&point.attributes));
    if point.start_time_unix_nano != 0 {
        fields.insert("startTimeUnixNano".to_owned(), time(point.start_time_unix_nano));
    }
    fields.insert("timeUnixNano".to_owned(), time(point.time_unix_nano));
    let name = if matches!(point.value, Some(Number::AsInt(_))) { "asInt" } else { "asDouble" };
    fields.insert(name.to_owned(), json!(VALUE.trim_matches('"')));
    Value::Object(fields)
}

fn record(record: &LogRecord) -> Value {
    json!({
        "timeUnixNano": time(record.time_unix_nano),
        "observedTimeUnixNano": time(record.observed_time_unix_nano),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": any(record.body.as_ref()),
        "attributes": attributes(&record.attributes),
        "flags": record.flags,
        "traceId": id(&record.trace_id),
        "spanId": id(&record.span_id),
    })
}

fn span(span: &Span) -> Value {
    json!({
        "traceId": id(&span.trace_id),
        "spanId": id(&span.span_id),
        "parentSpanId": id(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": time(span.start_time_unix_nano),
        "endTimeUnixNano": time(span.end_time_unix_nano),
        "attributes": attributes(&span.attributes),
        "events": list(&span.events, event),
        "status": status(span.status.as_ref()),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "timeUnixNano": time(event.time_unix_nano),
        "name": event.name,
        "attributes": attributes(&event.attributes),
    })
}

fn status(status: Option<&Status>) -> Value {
    status.map_or(Value::Null, |one| json!({"code": one.code, "message": one.message}))
}

/// 64-bit integers are strings.
fn time(nanos: u64) -> Value {
    Value::String(nanos.to_string())
}
