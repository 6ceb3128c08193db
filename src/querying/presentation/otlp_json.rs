//! A trace as OTLP/JSON (`TracesData`): what an exporter would have sent, except that values of attributes are texts.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids in hexadecimal, 64-bit numbers in quotes.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::querying::application::{Attributes, Resource, Scope, Span, SpanEvent, SpanLink};

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracesData<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: ResourceJson<'a>,
    scope_spans: Vec<ScopeSpans<'a>>,
    schema_url: &'a str,
    #[serde(skip)]
    of: &'a Resource,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceJson<'a> {
    attributes: KeyValues<'a>,
    dropped_attributes_count: u32,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans<'a> {
    scope: ScopeJson<'a>,
    spans: Vec<SpanJson<'a>>,
    schema_url: &'a str,
    #[serde(skip)]
    of: &'a Scope,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeJson<'a> {
    name: &'a str,
    version: &'a str,
    attributes: KeyValues<'a>,
    dropped_attributes_count: u32,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    parent_span_id: &'a str,
    trace_state: &'a str,
    flags: u32,
    name: &'a str,
    kind: i32,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: KeyValues<'a>,
    dropped_attributes_count: u32,
    events: Vec<EventJson<'a>>,
    dropped_events_count: u32,
    links: Vec<LinkJson<'a>>,
    dropped_links_count: u32,
    status: StatusJson<'a>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    time_unix_nano: String,
    name: &'a str,
    attributes: KeyValues<'a>,
    dropped_attributes_count: u32,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkJson<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    trace_state: &'a str,
    attributes: KeyValues<'a>,
    flags: u32,
    dropped_attributes_count: u32,
}

#[derive(Debug, JsonSchema, Serialize)]
struct StatusJson<'a> {
    code: i32,
    message: &'a str,
}

/// Attributes as a list of `KeyValue`.
#[derive(Debug, JsonSchema)]
#[schemars(with = "Vec<KeyValue<'a>>")]
struct KeyValues<'a>(&'a Attributes);

#[derive(Debug, JsonSchema, Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: TextValue<'a>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct TextValue<'a> {
    string_value: &'a str,
}

impl Serialize for KeyValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |string_value| TextValue { string_value };
        serializer.collect_seq(self.0.iter().map(|(key, text)| KeyValue { key, value: value(text) }))
    }
}

/// Spans by resource and scope, each in the order of its first span.
pub fn traces_data(spans: &[Span]) -> TracesData<'_> {
    let mut resource_spans: Vec<ResourceSpans<'_>> = Vec::new();
    for span in spans {
        let at = place(&resource_spans, |known| *known.of == span.resource);
        if at == resource_spans.len() {
            resource_spans.push(resource(&span.resource));
        }
        let Some(group) = resource_spans.get_mut(at) else { continue };
        let at = place(&group.scope_spans, |known| *known.of == span.scope);
        if at == group.scope_spans.len() {
            group.scope_spans.push(scope(&span.scope));
        }
        group.scope_spans.get_mut(at).into_iter().for_each(|group| group.spans.push(span_json(span)));
    }
    TracesData { resource_spans }
}

/// Where the first that is alike stands, or where it would be added. Mostly the last one is alike.
fn place<T>(known: &[T], is_alike: impl Fn(&T) -> bool) -> usize {
    known.iter().rposition(is_alike).unwrap_or(known.len())
}

fn resource(of: &Resource) -> ResourceSpans<'_> {
    let resource = ResourceJson {
        attributes: KeyValues(&of.attributes),
        dropped_attributes_count: of.dropped_attributes,
    };
    ResourceSpans { resource, scope_spans: Vec::new(), schema_url: &of.schema_url, of }
}

fn scope(of: &Scope) -> ScopeSpans<'_> {
    let scope = ScopeJson {
        name: &of.name,
        version: &of.version,
        attributes: KeyValues(&of.attributes),
        dropped_attributes_count: of.dropped_attributes,
    };
    ScopeSpans { scope, spans: Vec::new(), schema_url: &of.schema_url, of }
}

fn span_json(span: &Span) -> SpanJson<'_> {
    SpanJson {
        trace_id: &span.trace_id,
        span_id: &span.span_id,
        parent_span_id: &span.parent_span_id,
        trace_state: &span.trace_state,
        flags: span.flags,
        name: &span.name,
        kind: span.kind_number,
        start_time_unix_nano: span.start_unix_nano.to_string(),
        end_time_unix_nano: span.start_unix_nano.saturating_add(span.duration_nanos).to_string(),
        attributes: KeyValues(&span.attributes),
        dropped_attributes_count: span.dropped_attributes,
        events: span.events.iter().map(event_json).collect(),
        dropped_events_count: span.dropped_events,
        links: span.links.iter().map(link_json).collect(),
        dropped_links_count: span.dropped_links,
        status: StatusJson { code: span.status_number, message: &span.status_message },
    }
}

fn event_json(event: &SpanEvent) -> EventJson<'_> {
    EventJson {
        time_unix_nano: event.time_unix_nano.to_string(),
        name: &event.name,
        attributes: KeyValues(&event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn link_json(link: &SpanLink) -> LinkJson<'_> {
    LinkJson {
        trace_id: &link.trace_id,
        span_id: &link.span_id,
        trace_state: &link.trace_state,
        attributes: KeyValues(&link.attributes),
        flags: link.flags,
        dropped_attributes_count: link.dropped_attributes,
    }
}
