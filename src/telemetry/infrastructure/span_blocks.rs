//! Turns spans into the Arrow blocks of the tables `otel_traces` and `trace_index`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, TimestampNanosecondArray, UInt32Array, UInt64Array};
use arrow_schema::ArrowError;

use crate::shared::{SpanColumns, SpanId, SpanRow, TraceId};

use super::block_columns::{Maps, Texts, Words, ids, lists};
use super::block_origins::{Around, origin_columns};

pub const SPANS_TABLE: &str = "telemetryflow.otel_traces";
pub const TRACE_INDEX_TABLE: &str = "telemetryflow.trace_index";

type Columns = Vec<(&'static str, ArrayRef)>;

/// Rows of `otel_traces`, in the order of the requests. Fails if a column of texts would pass 2 GiB.
pub fn spans(requests: &[SpanColumns]) -> Result<RecordBatch, ArrowError> {
    let origins: Vec<Vec<u32>> =
        requests.iter().map(|request| request.rows().iter().map(|row| row.origin).collect()).collect();
    let around: Vec<Around<'_>> = requests
        .iter()
        .zip(&origins)
        .map(|(request, rows)| Around { tenant: request.tenant().as_str(), origins: &request.origins, rows })
        .collect();
    let parts = [origin_columns(&around)?, own(requests)?, events(requests)?, links(requests)?];
    RecordBatch::try_from_iter(parts.into_iter().flatten())
}

fn own(requests: &[SpanColumns]) -> Result<Columns, ArrowError> {
    let rows = || requests.iter().flat_map(SpanColumns::rows);
    let count = rows().count();
    let counts = |of: fn(&SpanRow) -> u32| Arc::new(UInt32Array::from_iter_values(rows().map(of)));
    let numbers = |of: fn(&SpanRow) -> i32| Arc::new(Int32Array::from_iter_values(rows().map(of)));
    let times = TimestampNanosecondArray::from_iter_values(rows().map(|row| row.start.nanos()));
    let parent = |row: &SpanRow| row.parent.map_or([0; SpanId::BYTES], |id| *id.as_bytes());
    Ok(vec![
        ("Timestamp", Arc::new(times)),
        ("trace_id", ids(rows().map(|row| *row.trace_id.as_bytes()), count)?),
        ("span_id", ids(rows().map(|row| *row.span_id.as_bytes()), count)?),
        ("parent_span_id", ids(rows().map(parent), count)?),
        ("TraceState", Texts::of(requests.iter().map(|request| &request.trace_states))?),
        ("Flags", counts(|row| row.flags)),
        ("SpanName", Words::of(requests.iter().map(|request| &request.names))?),
        ("SpanKindNumber", numbers(|row| row.kind)),
        ("SpanAttributes", Maps::of(requests.iter().map(|request| &request.attributes))?),
        ("Duration", Arc::new(UInt64Array::from_iter_values(rows().map(|row| row.duration)))),
        ("StatusNumber", numbers(|row| row.status)),
        ("StatusMessage", Texts::of(requests.iter().map(|request| &request.status_messages))?),
        ("DroppedAttributesCount", counts(|row| row.dropped_attributes)),
        ("DroppedEventsCount", counts(|row| row.dropped_events)),
        ("DroppedLinksCount", counts(|row| row.dropped_links)),
    ])
}

fn events(requests: &[SpanColumns]) -> Result<Columns, ArrowError> {
    let list = |values| lists(requests.iter().map(SpanColumns::event_ends), values);
    let events = || requests.iter().map(|request| &request.events);
    let times = TimestampNanosecondArray::from_iter_values(events().flat_map(|e| e.times.iter().copied()));
    let dropped = UInt32Array::from_iter_values(events().flat_map(|e| e.dropped_attributes.iter().copied()));
    Ok(vec![
        ("Events.Timestamp", list(Arc::new(times))?),
        ("Events.Name", list(Words::of(events().map(|events| &events.names))?)?),
        ("Events.Attributes", list(Maps::of(events().map(|events| &events.attributes))?)?),
        ("Events.DroppedAttributesCount", list(Arc::new(dropped))?),
    ])
}

fn links(requests: &[SpanColumns]) -> Result<Columns, ArrowError> {
    let list = |values| lists(requests.iter().map(SpanColumns::link_ends), values);
    let links = || requests.iter().map(|request| &request.links);
    let flags = UInt32Array::from_iter_values(links().flat_map(|links| links.flags.iter().copied()));
    let dropped =
        UInt32Array::from_iter_values(links().flat_map(|links| links.dropped_attributes.iter().copied()));
    Ok(vec![
        ("Links.TraceId", list(Texts::of(links().map(|links| &links.trace_ids))?)?),
        ("Links.SpanId", list(Texts::of(links().map(|links| &links.span_ids))?)?),
        ("Links.TraceState", list(Texts::of(links().map(|links| &links.trace_states))?)?),
        ("Links.Attributes", list(Maps::of(links().map(|links| &links.attributes))?)?),
        ("Links.Flags", list(Arc::new(flags))?),
        ("Links.DroppedAttributesCount", list(Arc::new(dropped))?),
    ])
}

/// When the spans of one trace began.
#[derive(Debug, Clone, Copy)]
struct TraceTimes {
    tenant: i32,
    trace_id: TraceId,
    first: i64,
    last: i64,
}

/// Rows of `trace_index`: one for each trace of each tenant, with the first and the last start of the spans that are here.
pub fn trace_index(requests: &[SpanColumns]) -> Result<RecordBatch, ArrowError> {
    let mut tenants = Words::default();
    let mut known: HashMap<(i32, TraceId), usize, ahash::RandomState> = HashMap::default();
    let mut traces: Vec<TraceTimes> = Vec::new();
    for request in requests {
        let tenant = tenants.code(request.tenant().as_str());
        // Neighbours are mostly of the same trace.
        let mut last = None;
        for row in request.rows() {
            let at = match last {
                Some((trace_id, at)) if trace_id == row.trace_id => at,
                _ => *known.entry((tenant, row.trace_id)).or_insert(traces.len()),
            };
            last = Some((row.trace_id, at));
            let time = row.start.nanos();
            match traces.get_mut(at) {
                Some(times) => {
                    times.first = time.min(times.first);
                    times.last = time.max(times.last);
                }
                None => {
                    traces.push(TraceTimes { tenant, trace_id: row.trace_id, first: time, last: time });
                }
            }
        }
    }
    traces.iter().for_each(|trace| tenants.push(trace.tenant, 1));
    let first = TimestampNanosecondArray::from_iter_values(traces.iter().map(|trace| trace.first));
    let last = TimestampNanosecondArray::from_iter_values(traces.iter().map(|trace| trace.last));
    let columns: [(&str, ArrayRef); 4] = [
        ("Tenant", tenants.finish()?),
        ("trace_id", ids(traces.iter().map(|trace| *trace.trace_id.as_bytes()), traces.len())?),
        ("Start", Arc::new(first)),
        ("End", Arc::new(last)),
    ];
    RecordBatch::try_from_iter(columns)
}
