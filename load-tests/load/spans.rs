//! The spans that are sent: traces of eight, as SDKs would shape them, with placeholders where bodies differ.
//!
//! About 550 bytes and thirteen attributes per span.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::log_records::service_resource;
use super::workload::{integer, pick, text};

// Placeholders, as in `workload`.
pub const START: u64 = 0x71E2_D3C4_B5A6_9781;
pub const END: u64 = 0x71E2_D3C4_B5A6_9782;
pub const EVENT: u64 = 0x71E2_D3C4_B5A6_9783;
pub const TRACE: &[u8; 16] = b"<trace 16 bytes>";
pub const SPAN: &[u8; 8] = b"<span 8>";
pub const PARENT: &[u8; 8] = b"<parent>";
pub const ORDER: &str = "<ord: 16 bytes.>";

/// Spans in a trace; the last trace of a body may have fewer.
pub const TRACE_SPANS: usize = 8;
/// One span in so many has an event.
const EVENT_EVERY: usize = 16;
const EVENT_AT: usize = 5;
/// One span in so many has failed.
const ERROR_EVERY: usize = 32;
const ERROR_AT: usize = 5;
/// How many spans above it lead to each span of a trace.
const DEPTHS: [u64; TRACE_SPANS] = [0, 1, 1, 2, 2, 2, 2, 3];
/// Whose child each span of a trace is.
const PARENTS: [Option<usize>; TRACE_SPANS] =
    [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), Some(3)];

/// The number of the span, within the body, that this one is a child of.
pub fn parent_of(number: usize) -> Option<usize> {
    let parent = PARENTS.get(number % TRACE_SPANS).copied().flatten()?;
    Some(number - number % TRACE_SPANS + parent)
}

/// How many spans above it lead to this one: 0 to 3.
pub fn depth_of(number: usize) -> u64 {
    DEPTHS.get(number % TRACE_SPANS).copied().unwrap_or_default()
}

/// The spans, by number, that have an event.
pub fn has_event(number: usize) -> bool {
    number % EVENT_EVERY == EVENT_AT
}

/// The spans, by number, whose path names an order.
pub fn has_order(number: usize) -> bool {
    matches!(kind_of(number), SpanKind::Server)
}

/// The request with its placeholders.
pub fn request(spans: usize) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope {
        name: "load-test.tracing".to_owned(),
        version: "1.0.0".to_owned(),
        ..Default::default()
    };
    let spans = (0..spans).map(span).collect();
    let scope_spans = ScopeSpans { scope: Some(scope), spans, ..Default::default() };
    let resource_spans = ResourceSpans {
        resource: Some(service_resource()),
        scope_spans: vec![scope_spans],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(number: usize) -> Span {
    let kind = kind_of(number);
    let (name, attributes) = match kind {
        SpanKind::Server => ("GET /api/v1/orders/{order_id}/items", served(number)),
        SpanKind::Client => ("SELECT orders", queried(number)),
        SpanKind::Producer | SpanKind::Consumer => ("publish orders.changed", sent(number)),
        SpanKind::Internal | SpanKind::Unspecified => ("check stock", worked(number)),
    };
    Span {
        trace_id: TRACE.to_vec(),
        span_id: SPAN.to_vec(),
        parent_span_id: parent_of(number).map_or_else(Vec::new, |_| PARENT.to_vec()),
        // Sampled, and it is known whether the parent is remote (SpanFlags, trace.proto).
        flags: 0x101,
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        attributes,
        events: if has_event(number) { vec![event()] } else { Vec::new() },
        status: Some(status(number)),
        ..Default::default()
    }
}

fn kind_of(number: usize) -> SpanKind {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    let kinds = [Server, Internal, Internal, Client, Client, Client, Producer, Consumer];
    kinds.get(number % TRACE_SPANS).copied().unwrap_or(Internal)
}

fn status(number: usize) -> Status {
    if number % ERROR_EVERY == ERROR_AT {
        let message = "deadline exceeded while waiting for the database".to_owned();
        return Status { message, code: StatusCode::Error.into() };
    }
    let code = if number.is_multiple_of(TRACE_SPANS) { StatusCode::Ok } else { StatusCode::Unset };
    Status { code: code.into(), ..Default::default() }
}

fn event() -> Event {
    Event {
        time_unix_nano: EVENT,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "TimeoutError"),
            text("exception.message", "no connection became free within 250 ms, trying again"),
            text("exception.escaped", "false"),
        ],
        ..Default::default()
    }
}

fn served(number: usize) -> Vec<KeyValue> {
    let agents = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "okhttp/5.1.0", "python-requests/2.32"];
    let codes = [200, 200, 200, 404, 201];
    let mut attributes = vec![
        text("http.request.method", "GET"),
        text("http.route", "/api/v1/orders/{order_id}/items"),
        text("url.path", &format!("/api/v1/orders/{ORDER}/items")),
        text("url.scheme", "https"),
        integer("http.response.status_code", codes.get(number / 8 % 5).copied().unwrap_or(200)),
        text("server.address", "orders.load-test.example"),
        integer("server.port", 443),
        text("client.address", pick(&["192.0.2.17", "198.51.100.4", "203.0.113.250"], number / 8)),
        text("user_agent.original", pick(&agents, number / 8)),
        text("network.protocol.version", "2"),
    ];
    attributes.extend(thread(number, "orders::http::list_items"));
    attributes
}

fn queried(number: usize) -> Vec<KeyValue> {
    let tables = ["orders", "order_items", "customers"];
    let mut attributes = vec![
        text("db.system.name", "postgresql"),
        text("db.namespace", "shop"),
        text("db.operation.name", "SELECT"),
        text("db.collection.name", pick(&tables, number)),
        text("db.query.text", "SELECT id, item, amount, price FROM orders WHERE order_id = $1 ORDER BY id"),
        text("server.address", "postgres-0.load-test.example"),
        integer("server.port", 5_432),
        text("network.peer.address", pick(&["10.1.4.12", "10.1.4.13"], number)),
        integer("network.peer.port", 5_432),
        text("network.transport", "tcp"),
    ];
    attributes.extend(thread(number, "orders::store::items_of_order"));
    attributes
}

fn sent(number: usize) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("messaging.system", "kafka"),
        text("messaging.operation.name", "publish"),
        text("messaging.operation.type", "send"),
        text("messaging.destination.name", "orders.changed"),
        text("messaging.destination.partition.id", pick(&["0", "1", "2", "3", "4"], number / 8)),
        text("messaging.client.id", "orders-producer"),
        integer("messaging.message.body.size", 412),
        text("server.address", "kafka-1.load-test.example"),
        integer("server.port", 9_092),
        text("network.transport", "tcp"),
    ];
    attributes.extend(thread(number, "orders::events::publish"));
    attributes
}

fn worked(number: usize) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("code.file.path", "src/orders/stock.rs"),
        integer("code.line.number", 118),
        text("feature_flag.key", "stock-from-cache"),
        text("feature_flag.result.variant", pick(&["on", "off"], number / 8)),
        text("shop.warehouse", pick(&["north", "south", "east", "west"], number / 8)),
        text("shop.currency", pick(&["EUR", "SEK", "DKK"], number / 8)),
        integer("shop.items", 3),
        text("shop.cache", pick(&["hit", "hit", "hit", "miss"], number)),
        text("shop.customer.tier", pick(&["none", "silver", "gold"], number / 8)),
        text("shop.channel", pick(&["web", "app"], number / 8)),
    ];
    attributes.extend(thread(number, "orders::stock::check"));
    attributes
}

fn thread(number: usize, function: &str) -> [KeyValue; 3] {
    let names = ["worker-1", "worker-2", "worker-3", "worker-4"];
    let ids = [17, 18, 19, 20];
    [
        integer("thread.id", ids.get(number / 8 % 4).copied().unwrap_or(17)),
        text("thread.name", pick(&names, number / 8)),
        text("code.function.name", function),
    ]
}
