//! Spans out of the columns of `trace_spans.sql`.

use std::collections::{BTreeMap, HashMap};

use arrow_array::types::Int32Type;
use arrow_array::{
    FixedSizeBinaryArray, Int32Array, Int64Array, ListArray, StringArray, TimestampNanosecondArray,
    UInt32Array, UInt64Array,
};

use crate::platform::clickhouse::rows::{Columns, TextMaps, within};
use crate::platform::clickhouse::{Rows, StoreError};
use crate::querying::application::{
    Attributes, Resource, Scope, Span, SpanEvent, SpanLink, id_text, moment_text,
};
use crate::shared::TraceId;

/// The spans of a trace, in the order of the rows.
pub fn spans(rows: &Rows, trace: TraceId) -> Result<Vec<Span>, StoreError> {
    let trace = trace.to_string();
    let mut spans = Vec::new();
    for batch in &rows.batches {
        let columns = SpanColumns::of(Columns(batch))?;
        let mut origins = Origins::default();
        for at in 0..batch.num_rows() {
            spans.push(columns.span(&trace, at, &mut origins));
        }
    }
    Ok(spans)
}

struct SpanColumns<'a> {
    times: &'a Int64Array,
    ids: &'a FixedSizeBinaryArray,
    parents: &'a FixedSizeBinaryArray,
    /// States, names, services, messages of the status.
    texts: [&'a StringArray; 4],
    /// Flags; dropped attributes, events, links.
    counts: [&'a UInt32Array; 4],
    kinds: &'a Int32Array,
    durations: &'a UInt64Array,
    statuses: &'a Int32Array,
    attributes: TextMaps<'a>,
    events: EventColumns<'a>,
    links: LinkColumns<'a>,
    resource: OriginColumns<'a>,
    scope: OriginColumns<'a>,
    /// Names and versions.
    scopes: [&'a StringArray; 2],
}

struct EventColumns<'a> {
    places: &'a ListArray,
    times: &'a TimestampNanosecondArray,
    names: &'a StringArray,
    attributes: TextMaps<'a>,
    dropped: &'a UInt32Array,
}

struct LinkColumns<'a> {
    places: &'a ListArray,
    /// Ids of traces and spans, states.
    texts: [&'a StringArray; 3],
    attributes: TextMaps<'a>,
    flags: &'a UInt32Array,
    dropped: &'a UInt32Array,
}

/// A resource or a scope.
struct OriginColumns<'a> {
    attributes: &'a StringArray,
    dropped: &'a UInt32Array,
    schemas: &'a StringArray,
}

/// Attributes of resources and scopes by their JSON: few send all spans.
type Origins<'a> = HashMap<&'a str, Attributes>;

impl<'a> SpanColumns<'a> {
    fn of(columns: Columns<'a>) -> Result<Self, StoreError> {
        let [states, names, services, messages] =
            ["TraceState", "SpanName", "ServiceName", "StatusMessage"].map(|name| columns.texts(name));
        let counts = ["Flags", "DroppedAttributesCount", "DroppedEventsCount", "DroppedLinksCount"];
        let [flags, attributes, events, links] = counts.map(|name| columns.short_counts(name));
        Ok(Self {
            times: columns.integers("at")?,
            ids: columns.binaries("span_id")?,
            parents: columns.binaries("parent_span_id")?,
            texts: [states?, names?, services?, messages?],
            counts: [flags?, attributes?, events?, links?],
            kinds: columns.numbers::<Int32Type>("SpanKindNumber")?,
            durations: columns.counts("Duration")?,
            statuses: columns.numbers::<Int32Type>("StatusNumber")?,
            attributes: columns.maps("SpanAttributes")?,
            events: EventColumns::of(columns)?,
            links: LinkColumns::of(columns)?,
            resource: OriginColumns::of(
                columns,
                ["resource_attributes", "ResourceDroppedAttributesCount", "ResourceSchemaUrl"],
            )?,
            scope: OriginColumns::of(
                columns,
                ["scope_attributes", "ScopeDroppedAttributesCount", "ScopeSchemaUrl"],
            )?,
            scopes: [columns.texts("ScopeName")?, columns.texts("ScopeVersion")?],
        })
    }

    fn span(&self, trace: &str, at: usize, origins: &mut Origins<'a>) -> Span {
        let [state, name, service, status_message] = self.texts.map(|texts| texts.value(at).to_owned());
        let [flags, dropped_attributes, dropped_events, dropped_links] =
            self.counts.map(|counts| counts.value(at));
        let start = self.times.value(at);
        let (resource, resource_dropped, resource_schema) = self.resource.at(at, origins);
        let (scope, scope_dropped, scope_schema) = self.scope.at(at, origins);
        let [scope_name, scope_version] = self.scopes.map(|texts| texts.value(at).to_owned());
        Span {
            trace_id: trace.to_owned(),
            span_id: id_text(self.ids.value(at)),
            parent_span_id: id_text(self.parents.value(at)),
            trace_state: state,
            flags,
            name,
            kind: kind(self.kinds.value(at)).to_owned(),
            kind_number: self.kinds.value(at),
            service,
            start: moment_text(start),
            start_unix_nano: start.try_into().unwrap_or_default(),
            duration_nanos: self.durations.value(at),
            status: status(self.statuses.value(at)).to_owned(),
            status_number: self.statuses.value(at),
            status_message,
            attributes: attributes(self.attributes, at),
            dropped_attributes,
            events: self.events.at(at),
            dropped_events,
            links: self.links.at(at),
            dropped_links,
            resource: Resource {
                attributes: resource,
                dropped_attributes: resource_dropped,
                schema_url: resource_schema,
            },
            scope: Scope {
                name: scope_name,
                version: scope_version,
                attributes: scope,
                dropped_attributes: scope_dropped,
                schema_url: scope_schema,
            },
        }
    }
}

impl<'a> EventColumns<'a> {
    fn of(columns: Columns<'a>) -> Result<Self, StoreError> {
        Ok(Self {
            places: columns.lists("Events.Timestamp")?,
            times: columns.items("Events.Timestamp")?,
            names: columns.items("Events.Name")?,
            attributes: columns.maps_of_items("Events.Attributes")?,
            dropped: columns.items("Events.DroppedAttributesCount")?,
        })
    }

    fn at(&self, at: usize) -> Vec<SpanEvent> {
        let event = |at| SpanEvent {
            time: moment_text(self.times.value(at)),
            time_unix_nano: self.times.value(at).try_into().unwrap_or_default(),
            name: self.names.value(at).to_owned(),
            attributes: attributes(self.attributes, at),
            dropped_attributes: self.dropped.value(at),
        };
        within(self.places.value_offsets(), at).map(event).collect()
    }
}

impl<'a> LinkColumns<'a> {
    fn of(columns: Columns<'a>) -> Result<Self, StoreError> {
        Ok(Self {
            places: columns.lists("Links.TraceId")?,
            texts: [
                columns.items("Links.TraceId")?,
                columns.items("Links.SpanId")?,
                columns.items("Links.TraceState")?,
            ],
            attributes: columns.maps_of_items("Links.Attributes")?,
            flags: columns.items("Links.Flags")?,
            dropped: columns.items("Links.DroppedAttributesCount")?,
        })
    }

    fn at(&self, at: usize) -> Vec<SpanLink> {
        let link = |at| {
            let [trace_id, span_id, trace_state] = self.texts.map(|texts| texts.value(at).to_owned());
            SpanLink {
                trace_id,
                span_id,
                trace_state,
                attributes: attributes(self.attributes, at),
                flags: self.flags.value(at),
                dropped_attributes: self.dropped.value(at),
            }
        };
        within(self.places.value_offsets(), at).map(link).collect()
    }
}

impl<'a> OriginColumns<'a> {
    fn of(columns: Columns<'a>, [attributes, dropped, schemas]: [&str; 3]) -> Result<Self, StoreError> {
        Ok(Self {
            attributes: columns.texts(attributes)?,
            dropped: columns.short_counts(dropped)?,
            schemas: columns.texts(schemas)?,
        })
    }

    fn at(&self, at: usize, origins: &mut Origins<'a>) -> (Attributes, u32, String) {
        let text = self.attributes.value(at);
        let attributes = origins.entry(text).or_insert_with_key(|text| origin(text)).clone();
        (attributes, self.dropped.value(at), self.schemas.value(at).to_owned())
    }
}

fn attributes(maps: TextMaps<'_>, at: usize) -> Attributes {
    maps.row(at).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Of the JSON object that a resource or scope is stored as. We write texts only; what others wrote is shown as the alias columns
/// of the table show it.
fn origin(text: &str) -> Attributes {
    let values: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let shown = |(key, value)| match value {
        serde_json::Value::String(text) => (key, text),
        other => (key, other.to_string()),
    };
    values.into_iter().map(shown).collect()
}

/// As `SpanKind` of the table.
const fn kind(number: i32) -> &'static str {
    match number {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}

/// As `StatusCode` of the table.
const fn status(number: i32) -> &'static str {
    match number {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_otlp_does_not_know_have_no_name() {
        assert_eq!([0, 2, 5, 6, -1].map(kind), ["Unspecified", "Server", "Consumer", "", ""]);
        assert_eq!([0, 1, 2, 3, -1].map(status), ["Unset", "Ok", "Error", "", ""]);
    }

    #[test]
    fn an_origin_is_shown_whatever_its_values_are() {
        let shown = |text| origin(text).into_iter().collect::<Vec<_>>();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(shown(""), []);
        assert_eq!(shown("[1]"), []);
        assert_eq!(shown(r#"{"b": "x", "a": 1.5}"#), [pair("a", "1.5"), pair("b", "x")]);
    }
}
