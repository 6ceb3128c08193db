//! Requests with every field, and the rows that they have to become, as JSON.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};
use serde_json::{Map, Value, json};

pub const NOW: u64 = 1_795_000_000_000_000_000;
const ITEMS: usize = 40;

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn key_value(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..KeyValue::default() }
}

/// Values of every type, with their text and the name of their type.
fn values() -> Vec<(Option<AnyValue>, &'static str, &'static str)> {
    let array =
        Any::ArrayValue(ArrayValue { values: vec![any(Any::IntValue(1)), any(Any::BoolValue(false))] });
    let map = Any::KvlistValue(KeyValueList { values: vec![key_value("k", array.clone())] });
    vec![
        (
            Some(any(Any::StringValue("tab\t \"quote\" \\ ünï\0\n".into()))),
            "tab\t \"quote\" \\ ünï\0\n",
            "string",
        ),
        (Some(any(Any::BoolValue(true))), "true", "bool"),
        (Some(any(Any::IntValue(i64::MIN))), "-9223372036854775808", "int"),
        (Some(any(Any::DoubleValue(0.1))), "0.1", "double"),
        (Some(any(Any::BytesValue(vec![0, 255, 7]))), "AP8H", "bytes"),
        (Some(any(array)), "[1,false]", "array"),
        (Some(any(map)), "{\"k\":[1,false]}", "map"),
        (Some(AnyValue { value: None }), "", "empty"),
        (None, "", "empty"),
    ]
}

/// Attributes that differ from item to item, and the map that they have to become.
fn attributes(seed: usize) -> (Vec<KeyValue>, Value) {
    let values = values();
    let (mut sent, mut expected) = (Vec::new(), Map::new());
    for number in 0..seed % 7 {
        let key = format!("key.{}", (seed * 3 + number) % 11);
        let (value, text, _) = &values[(seed + number) % values.len()];
        sent.push(KeyValue { key: key.clone(), value: value.clone(), ..KeyValue::default() });
        expected.insert(key, json!(text));
    }
    (sent, Value::Object(expected))
}

fn resource(seed: usize) -> (Resource, Value) {
    let (mut sent, mut expected) = attributes(seed);
    sent.push(key_value("service.name", Any::StringValue(format!("service {seed}"))));
    expected["service.name"] = json!(format!("service {seed}"));
    (Resource { attributes: sent, dropped_attributes_count: number(seed), ..Resource::default() }, expected)
}

fn scope(seed: usize) -> (InstrumentationScope, Value) {
    let (attributes, expected) = attributes(seed + 2);
    let scope = InstrumentationScope {
        name: format!("scope {seed}"),
        version: format!("1.{seed}"),
        attributes,
        dropped_attributes_count: number(seed + 1),
    };
    (scope, expected)
}

fn number(seed: usize) -> u32 {
    [0, 1, 77, u32::MAX][seed % 4]
}

fn id(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((seed * 31 + at * 7 + 1) % 256).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One request for each of two tenants; the seeds overlap, so that dictionaries have words in common and words of their own.
fn seeds(request: usize) -> [usize; 2] {
    [request + 1, request + 2]
}

fn log_record(seed: usize) -> LogRecord {
    let values = values();
    let tied = !seed.is_multiple_of(3);
    LogRecord {
        time_unix_nano: if seed.is_multiple_of(5) { 0 } else { NOW + seed as u64 },
        observed_time_unix_nano: if seed.is_multiple_of(4) { 0 } else { NOW + 1_000 + seed as u64 },
        severity_number: [0, 9, 24, -5, 1_000][seed % 5],
        severity_text: ["INFO", "", "größer"][seed % 3].into(),
        body: values[seed % values.len()].0.clone(),
        attributes: attributes(seed).0,
        dropped_attributes_count: number(seed),
        flags: number(seed + 2),
        trace_id: if tied { id(16, seed) } else { Vec::new() },
        span_id: if tied { id(8, seed) } else { Vec::new() },
        event_name: ["", "device.app.lifecycle"][seed % 2].into(),
    }
}

pub fn log_requests() -> [ExportLogsServiceRequest; 2] {
    [0, 1].map(|request| ExportLogsServiceRequest {
        resource_logs: seeds(request)
            .map(|seed| ResourceLogs {
                resource: Some(resource(seed).0),
                scope_logs: vec![ScopeLogs {
                    scope: Some(scope(seed).0),
                    log_records: (0..ITEMS)
                        .map(|item| log_record(request * 100 + seed * 10 + item))
                        .collect(),
                    schema_url: format!("scope url {seed}"),
                }],
                schema_url: format!("resource url {seed}"),
            })
            .into(),
    })
}

/// The rows of a request in the order of the columns that the test reads.
pub fn sent_logs(tenant: &str, request: &ExportLogsServiceRequest) -> Vec<Value> {
    let number = TENANT_NUMBERS.iter().find(|(name, _)| *name == tenant).unwrap().1;
    let outer = request.resource_logs.iter().zip(seeds(number));
    outer
        .flat_map(|(outer, seed)| {
            let records = outer.scope_logs[0].log_records.iter().enumerate();
            records.map(move |(item, record)| sent_log(tenant, seed, number * 100 + seed * 10 + item, record))
        })
        .collect()
}

const TENANT_NUMBERS: [(&str, usize); 2] = [("one", 0), ("two", 1)];

fn sent_log(tenant: &str, origin: usize, seed: usize, record: &LogRecord) -> Value {
    let (sent_resource, resource_map) = resource(origin);
    let (sent_scope, scope_map) = scope(origin);
    let (_, body, body_type) = &values()[seed % values().len()];
    let time =
        [record.time_unix_nano, record.observed_time_unix_nano, NOW].into_iter().find(|time| *time != 0);
    let time = time.unwrap();
    json!([
        tenant,
        time.to_string(),
        record.observed_time_unix_nano.to_string(),
        hex(&record.trace_id),
        hex(&record.span_id),
        record.flags,
        record.flags & 255,
        record.severity_text,
        record.severity_number,
        format!("service {origin}"),
        body,
        body_type,
        format!("resource url {origin}"),
        resource_map,
        sent_resource.dropped_attributes_count,
        format!("scope url {origin}"),
        sent_scope.name,
        sent_scope.version,
        scope_map,
        sent_scope.dropped_attributes_count,
        attributes(seed).1,
        record.dropped_attributes_count,
        record.event_name,
        time / 1_000_000_000,
    ])
}

fn event(seed: usize) -> Event {
    Event {
        time_unix_nano: NOW + seed as u64,
        name: ["exception", "", "retry"][seed % 3].into(),
        attributes: attributes(seed).0,
        dropped_attributes_count: number(seed),
    }
}

/// Also with ids that are none.
fn link(seed: usize) -> Link {
    Link {
        trace_id: id([16, 3, 0][seed % 3], seed),
        span_id: id([8, 0, 20][seed % 3], seed),
        trace_state: ["", "a=b"][seed % 2].into(),
        attributes: attributes(seed).0,
        dropped_attributes_count: number(seed),
        flags: number(seed + 1),
    }
}

fn span(seed: usize) -> Span {
    Span {
        // Several spans of one trace.
        trace_id: id(16, seed / 4),
        span_id: id(8, seed),
        trace_state: ["", "vendor=x,other=y"][seed % 2].into(),
        parent_span_id: if seed.is_multiple_of(4) { Vec::new() } else { id(8, seed - 1) },
        flags: number(seed),
        name: format!("GET /{}", seed % 5),
        kind: [0, 1, 2, 3, 4, 5, 6, -1][seed % 8],
        start_time_unix_nano: NOW + seed as u64 * 1_000,
        end_time_unix_nano: NOW + seed as u64 * 1_000 + [0, 5, 86_400_000_000_000][seed % 3],
        attributes: attributes(seed).0,
        dropped_attributes_count: number(seed + 1),
        events: (0..seed % 3).map(|at| event(seed + at)).collect(),
        dropped_events_count: number(seed + 2),
        links: (0..seed % 4).map(|at| link(seed + at)).collect(),
        dropped_links_count: number(seed + 3),
        status: [None, Some(0), Some(1), Some(2), Some(-9)][seed % 5]
            .map(|code| Status { message: format!("because {code}"), code }),
    }
}

pub fn trace_requests() -> [ExportTraceServiceRequest; 2] {
    [0, 1].map(|request| ExportTraceServiceRequest {
        resource_spans: seeds(request)
            .map(|seed| ResourceSpans {
                resource: Some(resource(seed).0),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope(seed).0),
                    spans: (0..ITEMS).map(|item| span(request * 1_000 + seed * 100 + item)).collect(),
                    schema_url: format!("scope url {seed}"),
                }],
                schema_url: format!("resource url {seed}"),
            })
            .into(),
    })
}

/// The rows of a request in the order of the columns that the test reads.
pub fn sent_spans(tenant: &str, request: &ExportTraceServiceRequest) -> Vec<Value> {
    let number = TENANT_NUMBERS.iter().find(|(name, _)| *name == tenant).unwrap().1;
    let outer = request.resource_spans.iter().zip(seeds(number));
    outer
        .flat_map(|(outer, seed)| {
            let spans = outer.scope_spans[0].spans.iter().enumerate();
            spans.map(move |(item, span)| sent_span(tenant, seed, number * 1_000 + seed * 100 + item, span))
        })
        .collect()
}

fn named<'a>(names: &[&'a str], number: i32) -> &'a str {
    usize::try_from(number).ok().and_then(|at| names.get(at)).copied().unwrap_or("")
}

fn sent_span(tenant: &str, origin: usize, seed: usize, span: &Span) -> Value {
    let (sent_resource, resource_map) = resource(origin);
    let (sent_scope, scope_map) = scope(origin);
    let status = span.status.clone().unwrap_or_default();
    let kinds = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
    let events: Vec<usize> = (0..seed % 3).map(|at| seed + at).collect();
    let links: Vec<usize> = (0..seed % 4).map(|at| seed + at).collect();
    let maps = |seeds: &[usize]| seeds.iter().map(|seed| attributes(*seed).1).collect::<Vec<_>>();
    let of_events = |of: fn(&Event) -> Value| span.events.iter().map(of).collect::<Vec<_>>();
    let of_links = |of: fn(&Link) -> Value| span.links.iter().map(of).collect::<Vec<_>>();
    let mut row = vec![
        json!(tenant),
        json!(span.start_time_unix_nano.to_string()),
        json!(hex(&span.trace_id)),
        json!(hex(&span.span_id)),
        json!(hex(&span.parent_span_id)),
        json!(span.trace_state),
        json!(span.flags),
        json!(span.name),
        json!(span.kind),
        json!(named(&kinds, span.kind)),
        json!(format!("service {origin}")),
        json!(format!("resource url {origin}")),
        resource_map,
        json!(sent_resource.dropped_attributes_count),
        json!(format!("scope url {origin}")),
        json!(sent_scope.name),
        json!(sent_scope.version),
        scope_map,
        json!(sent_scope.dropped_attributes_count),
        attributes(seed).1,
    ];
    row.extend([
        json!(span.dropped_attributes_count),
        json!((span.end_time_unix_nano - span.start_time_unix_nano).to_string()),
        json!(status.code),
        json!(named(&["Unset", "Ok", "Error"], status.code)),
        json!(status.message),
        json!(of_events(|event| json!(event.time_unix_nano.to_string()))),
        json!(of_events(|event| json!(event.name))),
        json!(maps(&events)),
        json!(of_events(|event| json!(event.dropped_attributes_count))),
        json!(span.dropped_events_count),
        json!(of_links(|link| json!(hex(&link.trace_id)))),
        json!(of_links(|link| json!(hex(&link.span_id)))),
        json!(of_links(|link| json!(link.trace_state))),
        json!(maps(&links)),
        json!(of_links(|link| json!(link.flags))),
        json!(of_links(|link| json!(link.dropped_attributes_count))),
        json!(span.dropped_links_count),
    ]);
    Value::Array(row)
}
