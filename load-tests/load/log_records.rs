//! The log records that are sent: one request with placeholders where bodies differ, as an SDK would shape it.
//!
//! About 390 bytes per record: a message of about 150 and six attributes; every other record belongs to a span.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::spans::{SPAN, TRACE};
use super::workload::{SERVICE, integer, pick, text};

// Placeholders, as in `workload`.
pub const TIME: u64 = 0x71E2_D3C4_B5A6_9784;
pub const OBSERVED: u64 = 0x71E2_D3C4_B5A6_9785;
pub const ID: &str = "<id:  16 bytes.>";
pub const ORDER: &str = "<ord: 16 bytes.>";
pub const COUNT: &str = "<6 d#>";

/// The attribute that tells a record from all others of the run.
pub const ID_KEY: &str = "load.id";

/// The records, by number, that belong to a span.
pub fn has_trace(number: usize) -> bool {
    number % 2 == 1
}

/// The request with its placeholders.
pub fn request(records: usize) -> ExportLogsServiceRequest {
    let scope = InstrumentationScope {
        name: "load-test.logging".to_owned(),
        version: "1.0.0".to_owned(),
        ..Default::default()
    };
    let log_records = (0..records).map(record).collect();
    let scope_logs = ScopeLogs { scope: Some(scope), log_records, ..Default::default() };
    let resource_logs = ResourceLogs {
        resource: Some(service_resource()),
        scope_logs: vec![scope_logs],
        ..Default::default()
    };
    ExportLogsServiceRequest { resource_logs: vec![resource_logs] }
}

/// What a service in a cluster says of itself: eleven attributes.
pub fn service_resource() -> Resource {
    let attributes = vec![
        text("service.name", &format!("service-{SERVICE}")),
        text("service.namespace", "load-test"),
        text("service.version", "2.14.3"),
        text("service.instance.id", &format!("0b1f6a52-7c1e-4f0d-9a57-3e5d8c21{SERVICE}")),
        text("deployment.environment.name", "test"),
        text("host.name", "node-7.cluster.example"),
        text("k8s.cluster.name", "load-test-1"),
        text("k8s.namespace.name", "shop"),
        text("k8s.pod.name", &format!("service-{SERVICE}-6d5f7c9b8-x2x7p")),
        text("cloud.region", "europe-north-1"),
        text("telemetry.sdk.language", "rust"),
    ];
    Resource { attributes, ..Default::default() }
}

fn record(number: usize) -> LogRecord {
    let severity = severity_of(number);
    let traced = |id: &[u8]| if has_trace(number) { id.to_vec() } else { Vec::new() };
    LogRecord {
        time_unix_nano: TIME,
        observed_time_unix_nano: OBSERVED,
        severity_number: severity.into(),
        severity_text: severity.as_str_name().trim_start_matches("SEVERITY_NUMBER_").to_owned(),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(message(number))) }),
        attributes: vec![
            text(ID_KEY, ID),
            text("code.file.path", pick(&["src/orders/http.rs", "src/orders/store.rs"], number)),
            text("code.function.name", pick(&["list_items", "reserve", "checkout"], number)),
            integer("code.line.number", [41, 77, 118, 203, 350].get(number % 5).copied().unwrap_or(41)),
            text("thread.name", pick(&["worker-1", "worker-2", "worker-3", "worker-4"], number)),
            text("http.request.method", pick(&["GET", "POST", "PUT", "DELETE"], number)),
        ],
        flags: u32::from(has_trace(number)),
        trace_id: traced(TRACE),
        span_id: traced(SPAN),
        ..Default::default()
    }
}

/// Of sixteen records ten inform, three are for debugging, two warn and one is an error.
fn severity_of(number: usize) -> SeverityNumber {
    match number % 16 {
        3 | 8 | 13 => SeverityNumber::Debug,
        5 | 11 => SeverityNumber::Warn,
        9 => SeverityNumber::Error,
        _ => SeverityNumber::Info,
    }
}

/// Each names an order and a count, which differ from record to record; the rest repeats, as in life.
fn message(number: usize) -> String {
    match number % 7 {
        0 => format!(
            "GET /api/v1/orders/{ORDER}/items answered with 200 after {COUNT} us: 3 items, \
             served from the cache of node-7, nothing was left to be fetched"
        ),
        1 => format!(
            "order {ORDER} was accepted for customer {COUNT} with payment by card; the stock was \
             reserved in warehouse north until the end of the business day"
        ),
        2 => format!(
            "connection {COUNT} to postgres-0.load-test.example:5432 was given back after order \
             {ORDER} was read, 14 of 32 connections are in use, none waits"
        ),
        3 => format!(
            "published orders.changed for order {ORDER} to partition 3 at offset {COUNT}, all \
             three replicas have it; the outbox is empty after this message"
        ),
        4 => format!(
            "the price of order {ORDER} was computed from 4 rules and 2 vouchers within {COUNT} us; \
             rounding was half to even, currency EUR, tax class reduced"
        ),
        5 => format!(
            "retrying the reservation of order {ORDER} after {COUNT} us: warehouse south answered \
             503 Service Unavailable, attempt 2 of 5, next one in 400 ms"
        ),
        _ => format!(
            "job cleanup-carts looked at {COUNT} carts older than 30 days, the last one of order \
             {ORDER}; 12 were removed and 1 kept since it is being paid for"
        ),
    }
}
