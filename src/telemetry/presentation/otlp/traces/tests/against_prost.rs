//! Random requests, seen by the walker and by prost, which decodes the same bytes the slow way.

use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};
use proptest::prelude::*;

use super::*;
use crate::telemetry::presentation::otlp::oracle::{
    Kept, LIMITS, SeenOrigin, any_attributes, any_count, any_id, any_resource, any_scope, any_time, in_time,
    kept, kept_by_us,
};

/// One span as both sides see it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    origin: SeenOrigin,
    ids: [Vec<u8>; 3],
    trace_state: String,
    name: String,
    kind: i32,
    start: i64,
    duration: u64,
    attributes: Kept,
    events: Vec<(i64, String, Kept)>,
    links: Vec<([String; 3], u32, Kept)>,
    dropped: [u32; 2],
    status: (i32, String),
    flags: u32,
}

fn seen_by_us(decoded: &DecodedTraces) -> Vec<Seen> {
    let columns = &decoded.columns;
    let begin = |ends: &[usize], at: usize| if at == 0 { 0 } else { ends[at - 1] };
    let seen = |at: usize| {
        let row = &columns.rows()[at];
        let (event_ends, link_ends) = (columns.event_ends(), columns.link_ends());
        Seen {
            origin: SeenOrigin::by_us(&columns.origins, row.origin),
            ids: [
                row.trace_id.as_bytes().to_vec(),
                row.span_id.as_bytes().to_vec(),
                row.parent.map_or(Vec::new(), |parent| parent.as_bytes().to_vec()),
            ],
            trace_state: columns.trace_states.get(at).unwrap().into(),
            name: columns.names.get(at).unwrap().into(),
            kind: row.kind,
            start: row.start.nanos(),
            duration: row.duration,
            attributes: kept_by_us(&columns.attributes, at, row.dropped_attributes),
            events: (begin(event_ends, at)..event_ends[at])
                .map(|event| event_by_us(decoded, event))
                .collect(),
            links: (begin(link_ends, at)..link_ends[at]).map(|link| link_by_us(decoded, link)).collect(),
            dropped: [row.dropped_events, row.dropped_links],
            status: (row.status, columns.status_messages.get(at).unwrap().into()),
            flags: row.flags,
        }
    };
    (0..columns.len()).map(seen).collect()
}

fn event_by_us(decoded: &DecodedTraces, at: usize) -> (i64, String, Kept) {
    let events = &decoded.columns.events;
    let attributes = kept_by_us(&events.attributes, at, events.dropped_attributes[at]);
    (events.times[at], events.names.get(at).unwrap().into(), attributes)
}

fn link_by_us(decoded: &DecodedTraces, at: usize) -> ([String; 3], u32, Kept) {
    let links = &decoded.columns.links;
    let texts = [&links.trace_ids, &links.span_ids, &links.trace_states];
    let attributes = kept_by_us(&links.attributes, at, links.dropped_attributes[at]);
    (texts.map(|column| column.get(at).unwrap().into()), links.flags[at], attributes)
}

/// The same rules, written over prost's message tree.
fn seen_by_prost(request: &ExportTraceServiceRequest) -> (Vec<Seen>, u64) {
    let (mut seen, mut rejected) = (Vec::new(), 0);
    for outer in &request.resource_spans {
        for inner in &outer.scope_spans {
            let origin = SeenOrigin::by_prost(
                outer.resource.as_ref(),
                &outer.schema_url,
                inner.scope.as_ref(),
                &inner.schema_url,
            );
            for span in &inner.spans {
                match span_by_prost(&origin, span) {
                    Some(span) => seen.push(span),
                    None => rejected += 1,
                }
            }
        }
    }
    (seen, rejected)
}

fn span_by_prost(origin: &SeenOrigin, span: &Span) -> Option<Seen> {
    let valid = |id: &[u8], length: usize| {
        (id.len() == length && id.iter().any(|byte| *byte != 0)).then(|| id.to_vec())
    };
    let start = in_time(span.start_time_unix_nano).filter(|start| *start != 0)?;
    let end = in_time(span.end_time_unix_nano).filter(|end| *end >= start).unwrap_or(start);
    let status = span.status.clone().unwrap_or_default();
    Some(Seen {
        origin: origin.clone(),
        ids: [
            valid(&span.trace_id, 16)?,
            valid(&span.span_id, 8)?,
            valid(&span.parent_span_id, 8).unwrap_or_default(),
        ],
        trace_state: span.trace_state.clone(),
        name: span.name.clone(),
        kind: span.kind,
        start,
        duration: (end - start).cast_unsigned(),
        attributes: kept(&span.attributes, span.dropped_attributes_count),
        events: span.events.iter().map(event_by_prost).collect(),
        links: span.links.iter().map(link_by_prost).collect(),
        dropped: [span.dropped_events_count, span.dropped_links_count],
        status: (status.code, status.message),
        flags: span.flags,
    })
}

fn event_by_prost(event: &Event) -> (i64, String, Kept) {
    let attributes = kept(&event.attributes, event.dropped_attributes_count);
    (in_time(event.time_unix_nano).unwrap_or(0), event.name.clone(), attributes)
}

fn link_by_prost(link: &Link) -> ([String; 3], u32, Kept) {
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let texts = [hex(&link.trace_id), hex(&link.span_id), link.trace_state.clone()];
    (texts, link.flags, kept(&link.attributes, link.dropped_attributes_count))
}

prop_compose! {
    fn any_event()(
        time in any_time(), name in "[e-f]{0,2}", attributes in any_attributes(), dropped in any_count(),
    ) -> Event {
        Event { time_unix_nano: time, name, attributes, dropped_attributes_count: dropped }
    }
}

prop_compose! {
    fn any_link()(
        (trace_id, span_id) in (any_id(16), any_id(8)),
        trace_state in "[k-l=]{0,4}", attributes in any_attributes(), (dropped, flags) in (any_count(), any::<u32>()),
    ) -> Link {
        Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count: dropped, flags }
    }
}

/// Mostly numbers that have a meaning.
fn any_number() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..6, 1 => any::<i32>()]
}

prop_compose! {
    fn any_span()(
        (trace_id, span_id, parent_span_id) in (any_id(16), any_id(8), any_id(8)),
        (trace_state, name) in ("[k-l=]{0,4}", "[m-n]{0,2}"),
        (start, end) in (any_time(), any_time()),
        (kind, flags) in (any_number(), any::<u32>()),
        status in proptest::option::of((any_number(), "[s-t]{0,3}")),
        attributes in any_attributes(),
        events in proptest::collection::vec(any_event(), 0..3),
        links in proptest::collection::vec(any_link(), 0..3),
        dropped in [any_count(), any_count(), any_count()],
    ) -> Span {
        Span {
            trace_id, span_id, trace_state, parent_span_id, flags, name, kind,
            start_time_unix_nano: start, end_time_unix_nano: end,
            attributes, dropped_attributes_count: dropped[0],
            events, dropped_events_count: dropped[1],
            links, dropped_links_count: dropped[2],
            status: status.map(|(code, message)| Status { message, code }),
        }
    }
}

prop_compose! {
    fn any_scope_spans()(
        scope in proptest::option::of(any_scope()),
        spans in proptest::collection::vec(any_span(), 0..5),
        schema_url in "[u-v]{0,2}",
    ) -> ScopeSpans {
        ScopeSpans { scope, spans, schema_url }
    }
}

fn any_request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scopes = proptest::collection::vec(any_scope_spans(), 0..3);
    let resource = (proptest::option::of(any_resource()), scopes, "[u-v]{0,2}");
    let resource = resource.prop_map(|(resource, scope_spans, schema_url)| ResourceSpans {
        resource,
        scope_spans,
        schema_url,
    });
    proptest::collection::vec(resource, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn take_in_few(bytes: &[u8]) -> Result<DecodedTraces, WalkError> {
    take_in(bytes, LIMITS, &mut Meter::unlimited())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    /// Guarantees: the same spans with the same events and links as prost finds, and the same number of rejections.
    #[test]
    fn the_walker_sees_what_prost_sees(request in any_request()) {
        let decoded = take_in_few(&request.encode_to_vec()).unwrap();
        let (seen, rejected) = seen_by_prost(&request);
        prop_assert_eq!(seen_by_us(&decoded), seen);
        prop_assert_eq!(decoded.findings.rejected_items(), rejected);
    }

    /// Guarantees: whatever is done to a request, the walker does not panic, and its columns stay of equal length.
    #[test]
    fn damaged_bytes_never_panic(
        request in any_request(), cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            let at = flip.0.index(bytes.len());
            bytes[at] ^= flip.1;
            let _ = take_in_few(&bytes).map(|decoded| seen_by_us(&decoded));
            bytes.truncate(cut.index(bytes.len()));
            let _ = take_in_few(&bytes).map(|decoded| seen_by_us(&decoded));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = take_in_few(&bytes);
    }
}
