//! Log records and spans as services in a cluster send them: about 330 bytes and seven attributes each, resources of ten.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use prost::Message;

use super::shared::NOW;

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn resource() -> Resource {
    let attributes = vec![
        text("service.name", "checkout"),
        text("service.version", "2.14.1"),
        text("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        text("deployment.environment.name", "production"),
        text("k8s.namespace.name", "shop"),
        text("k8s.pod.name", "checkout-6d5f9c7b8d-x2x7k"),
        text("k8s.node.name", "node-17.eu-central-1.internal"),
        text("telemetry.sdk.language", "rust"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "0.33.0"),
    ];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "shop.checkout".into(),
        version: "2.14.1".into(),
        ..InstrumentationScope::default()
    }
}

/// The attributes of an HTTP request: half of their values differ from item to item.
fn attributes(number: u64) -> Vec<KeyValue> {
    let status = if number.is_multiple_of(50) { 500 } else { 200 };
    vec![
        text("http.request.method", if number.is_multiple_of(5) { "POST" } else { "GET" }),
        text("url.path", &format!("/api/orders/{}", number.wrapping_mul(0x9E37_79B9) % 100_000)),
        attribute("http.response.status_code", Value::IntValue(status)),
        text("http.route", "/api/orders/{id}"),
        text("client.address", &format!("10.{}.{}.{}", number % 7, number % 251, number % 241)),
        text("user.id", &format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))),
        attribute("app.cached", Value::BoolValue(number.is_multiple_of(3))),
    ]
}

/// Never zero.
fn id(number: u64) -> [u8; 8] {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1).to_be_bytes()
}

fn trace_id(number: u64) -> Vec<u8> {
    [id(number), id(!number)].concat()
}

/// The body of a request with `items` records, counted from `first`.
pub fn logs(items: u64, first: u64) -> Vec<u8> {
    let record = |number: u64| LogRecord {
        time_unix_nano: NOW + number,
        observed_time_unix_nano: NOW + number + 100,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!(
                "order {} was checked out in {} ms by the payment provider",
                number.wrapping_mul(0x9E37_79B9) % 100_000,
                number % 977
            ))),
        }),
        attributes: attributes(number),
        flags: 1,
        trace_id: trace_id(number / 4),
        span_id: id(number).into(),
        ..LogRecord::default()
    };
    let log_records = (first..first + items).map(record).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// The body of a request with `items` spans, counted from `first`; eight make a trace, one in ten has an event.
pub fn spans(items: u64, first: u64) -> Vec<u8> {
    const NAMES: [&str; 4] = ["GET /api/orders/{id}", "SELECT orders", "publish order.created", "render"];
    let span = |number: u64| Span {
        trace_id: trace_id(number / 8),
        span_id: id(number).into(),
        parent_span_id: if number.is_multiple_of(8) { Vec::new() } else { id(number - 1).into() },
        name: NAMES.iter().cycle().nth((number % 4) as usize).copied().unwrap_or_default().into(),
        kind: 2,
        flags: 0x101,
        start_time_unix_nano: NOW + number * 1_000,
        end_time_unix_nano: NOW + number * 1_000 + number % 977_000,
        attributes: attributes(number),
        events: if number.is_multiple_of(10) { vec![exception(number)] } else { Vec::new() },
        status: Some(Status { code: if number.is_multiple_of(50) { 2 } else { 0 }, message: String::new() }),
        ..Span::default()
    };
    let spans = (first..first + items).map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource()), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn exception(number: u64) -> Event {
    let attributes = vec![
        text("exception.type", "TimeoutError"),
        text("exception.message", "the payment provider did not answer in time"),
    ];
    Event { time_unix_nano: NOW + number, name: "exception".into(), attributes, ..Event::default() }
}
