//! Turns log records into the Arrow block of the table `otel_logs`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, TimestampNanosecondArray, UInt32Array};
use arrow_schema::ArrowError;

use crate::shared::{BodyType, LogColumns};

use super::block_columns::{Maps, Words, ids};
use super::block_origins::{Around, origin_columns};
use super::body_columns::body_columns;

pub const LOGS_TABLE: &str = "telemetryflow.otel_logs";

/// Rows of `otel_logs`, in the order of the requests. Fails if a column of texts would pass 2 GiB.
pub fn logs(requests: &[LogColumns]) -> Result<RecordBatch, ArrowError> {
    let rows = requests.iter().map(LogColumns::len).sum();
    let around: Vec<Around<'_>> = requests.iter().map(around).collect();
    let times = gather(requests, rows, LogColumns::times);
    let observed = gather(requests, rows, LogColumns::observed);
    let trace_ids = requests.iter().flat_map(|request| request.trace_ids().iter().copied());
    let span_ids = requests.iter().flat_map(|request| request.span_ids().iter().copied());
    let own: [(&str, ArrayRef); 11] = [
        ("Timestamp", Arc::new(TimestampNanosecondArray::from(times))),
        ("ObservedTimestamp", Arc::new(TimestampNanosecondArray::from(observed))),
        ("trace_id", ids(trace_ids, rows)?),
        ("span_id", ids(span_ids, rows)?),
        ("Flags", Arc::new(UInt32Array::from(gather(requests, rows, LogColumns::flags)))),
        ("SeverityText", Words::of(requests.iter().map(|request| &request.severity_texts))?),
        ("SeverityNumber", Arc::new(Int32Array::from(gather(requests, rows, LogColumns::severities)))),
        ("BodyType", body_types(requests, rows)?),
        ("LogAttributes", Maps::of(requests.iter().map(|request| &request.attributes))?),
        (
            "DroppedAttributesCount",
            Arc::new(UInt32Array::from(gather(requests, rows, LogColumns::dropped_attributes))),
        ),
        ("EventName", Words::of(requests.iter().map(|request| &request.event_names))?),
    ];
    let bodies = body_columns(requests.iter().map(|request| &request.bodies))?;
    RecordBatch::try_from_iter(origin_columns(&around)?.into_iter().chain(own).chain(bodies))
}

fn around(request: &LogColumns) -> Around<'_> {
    Around { tenant: request.tenant().as_str(), origins: &request.origins, rows: request.row_origins() }
}

fn gather<T: Copy>(requests: &[LogColumns], rows: usize, column: fn(&LogColumns) -> &[T]) -> Vec<T> {
    let mut all = Vec::with_capacity(rows);
    requests.iter().for_each(|request| all.extend_from_slice(column(request)));
    all
}

/// The types are few and known, so nothing is looked up by name.
fn body_types(requests: &[LogColumns], rows: usize) -> Result<ArrayRef, ArrowError> {
    let mut words = Words::with_rows(rows);
    let codes = BodyType::ALL.map(|body_type| words.code(body_type.name()));
    for body_type in requests.iter().flat_map(LogColumns::body_types) {
        words.push(codes.get(*body_type as usize).copied().unwrap_or_default(), 1);
    }
    words.finish()
}
