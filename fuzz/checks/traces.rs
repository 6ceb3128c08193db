//! Spans: the same ones as prost finds, with their events and links, in columns that make blocks.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use telemetryflow::shared::{SpanColumns, SpanId, TenantId, TraceId};
use telemetryflow::telemetry::stages::{
    DecodedTraces, Meter, TracesIntake, WalkError, span_blocks, walk_traces,
};

use super::walked::{
    LIMITS, assert_attributes, assert_maps, assert_origins, assert_text, assert_texts, in_time, is_a_group,
    take_in_twice, window,
};

/// Longest name of a span and of an event.
const NAME_BYTES_MAX: usize = 1_024;

pub fn check(body: &[u8]) {
    let held = |decoded: &DecodedTraces| decoded.columns.bytes();
    let seen = |decoded: &DecodedTraces| format!("{:?} {:?}", decoded.findings, decoded.columns.rows());
    let decoded = take_in_twice(|meter| take_in(body, meter), held, seen);
    let request = ExportTraceServiceRequest::decode(body);
    match decoded {
        Ok(decoded) => {
            assert_columns(&decoded.columns);
            assert!(decoded.findings.message().len() < 8_192);
            if let Ok(request) = request {
                assert_same(&request, &decoded);
            }
            assert_blocks(&decoded.columns);
        }
        Err(error) => assert!(request.is_err() || is_a_group(error), "prost reads it: {error}"),
    }
}

fn take_in(body: &[u8], meter: &mut Meter<'_>) -> Result<DecodedTraces, WalkError> {
    let mut intake = TracesIntake::new(TenantId::unnamed(), window(), LIMITS, meter);
    walk_traces(body, &mut intake)?;
    Ok(intake.finish())
}

fn assert_columns(columns: &SpanColumns) {
    let rows = columns.len();
    assert_texts(&columns.trace_states, rows);
    assert_texts(&columns.status_messages, rows);
    assert_maps(&columns.attributes, rows);
    assert_origins(&columns.origins, columns.rows().iter().map(|row| row.origin));
    let events = &columns.events;
    assert_maps(&events.attributes, events.len());
    assert_eq!([events.names.codes().len(), events.dropped_attributes.len()], [events.len(); 2]);
    let links = &columns.links;
    assert_maps(&links.attributes, links.len());
    for column in [&links.trace_ids, &links.span_ids, &links.trace_states] {
        assert_texts(column, links.len());
    }
    assert_eq!(links.dropped_attributes.len(), links.len());
    for (ends, inner) in [(columns.event_ends(), events.len()), (columns.link_ends(), links.len())] {
        assert!(ends.len() == rows && ends.is_sorted());
        assert_eq!(ends.last().copied().unwrap_or_default(), inner);
    }
    assert_eq!(columns.names.codes().len(), rows);
}

fn assert_blocks(columns: &SpanColumns) {
    let both = [columns.clone(), columns.clone()];
    let spans = span_blocks::spans(&both).expect("columns make a block");
    assert_eq!(spans.num_rows(), 2 * columns.len());
    let index = span_blocks::trace_index(&both).expect("columns make a block");
    let mut traces: Vec<_> = columns.rows().iter().map(|row| row.trace_id).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(index.num_rows(), traces.len());
}

/// Prost reads less deep than attributes may be nested, so that only ids and the start can cost a span.
fn assert_same(request: &ExportTraceServiceRequest, decoded: &DecodedTraces) {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let spans: Vec<&Span> = scopes.flat_map(|scope| &scope.spans).collect();
    let kept: Vec<&Span> = spans.iter().copied().filter(|span| is_good(span)).collect();
    let columns = &decoded.columns;
    assert_eq!(columns.len(), kept.len());
    assert_eq!(decoded.findings.rejected_items(), (spans.len() - kept.len()) as u64);
    for (row, span) in kept.into_iter().enumerate() {
        assert_span(columns, row, span);
        assert_events(columns, row, span);
        assert_links(columns, row, span);
    }
}

fn is_good(span: &Span) -> bool {
    let ids = (TraceId::parse(&span.trace_id), SpanId::parse(&span.span_id));
    let start = span.start_time_unix_nano;
    matches!(ids, (Some(_), Some(_))) && start != 0 && in_time(start).is_some()
}

fn assert_span(columns: &SpanColumns, row: usize, span: &Span) {
    let ours = &columns.rows()[row];
    assert_eq!(ours.trace_id.as_bytes()[..], span.trace_id);
    assert_eq!(ours.span_id.as_bytes()[..], span.span_id);
    assert_eq!(ours.parent, SpanId::parse(&span.parent_span_id));
    let start = in_time(span.start_time_unix_nano).expect("a good span has one");
    assert_eq!(ours.start.nanos(), start);
    let end = in_time(span.end_time_unix_nano).unwrap_or(start).max(start);
    assert_eq!(ours.duration, end.abs_diff(start));
    let status = span.status.clone().unwrap_or_default();
    assert_eq!((ours.kind, ours.status, ours.flags), (span.kind, status.code, span.flags));
    let (dropped, sent) = (ours.dropped_attributes, &span.attributes);
    assert_attributes(&columns.attributes, row, dropped, sent, span.dropped_attributes_count);
    assert_eq!(ours.dropped_events, span.dropped_events_count);
    assert_eq!(ours.dropped_links, span.dropped_links_count);
    assert_text(columns.names.get(row), &span.name, NAME_BYTES_MAX);
    assert_text(columns.trace_states.get(row), &span.trace_state, LIMITS.value_bytes_max);
    assert_text(columns.status_messages.get(row), &status.message, LIMITS.value_bytes_max);
}

/// The rows of a span among the events or links of all.
fn rows_of(ends: &[usize], row: usize) -> std::ops::Range<usize> {
    row.checked_sub(1).map_or(0, |before| ends[before])..ends[row]
}

fn assert_events(columns: &SpanColumns, row: usize, span: &Span) {
    let rows = rows_of(columns.event_ends(), row);
    assert_eq!(rows.len(), span.events.len());
    for (at, event) in rows.zip(&span.events) {
        assert_eq!(columns.events.times[at], in_time(event.time_unix_nano).unwrap_or(0));
        assert_text(columns.events.names.get(at), &event.name, NAME_BYTES_MAX);
        let (dropped, sent) = (columns.events.dropped_attributes[at], &event.attributes);
        assert_attributes(&columns.events.attributes, at, dropped, sent, event.dropped_attributes_count);
    }
}

fn assert_links(columns: &SpanColumns, row: usize, span: &Span) {
    let rows = rows_of(columns.link_ends(), row);
    assert_eq!(rows.len(), span.links.len());
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (at, link) in rows.zip(&span.links) {
        let links = &columns.links;
        assert_eq!(links.trace_ids.get(at), Some(&*hex(&link.trace_id)));
        assert_eq!(links.span_ids.get(at), Some(&*hex(&link.span_id)));
        assert_text(links.trace_states.get(at), &link.trace_state, LIMITS.value_bytes_max);
        assert_eq!(links.flags[at], link.flags);
        let (dropped, sent) = (links.dropped_attributes[at], &link.attributes);
        assert_attributes(&links.attributes, at, dropped, sent, link.dropped_attributes_count);
    }
}
