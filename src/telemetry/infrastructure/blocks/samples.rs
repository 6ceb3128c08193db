//! Rows of `metric_samples`.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, RecordBatch, TimestampNanosecondArray, UInt32Array,
    UInt64Array,
};
use arrow_schema::ArrowError;

use super::texts::Texts;
use crate::shared::{MetricColumns, NumberColumns};

/// Rows of `metric_samples`, in the order of the requests.
pub fn samples(requests: &[MetricColumns]) -> Result<RecordBatch, ArrowError> {
    let requests: Vec<&NumberColumns> = requests.iter().map(|columns| &columns.numbers).collect();
    let requests = &*requests;
    let rows = requests.iter().map(|columns| columns.len()).sum();
    let mut tenants = Texts::with_rows(rows);
    let mut metrics = Texts::with_rows(rows);
    for columns in requests {
        tenants.push(columns.tenant().as_str(), columns.len());
        for run in columns.runs() {
            metrics.push(run.metric, run.rows.len());
        }
    }
    let series: Vec<u64> = requests.iter().flat_map(|c| c.series().iter().map(|id| id.0)).collect();
    RecordBatch::try_from_iter([
        ("tenant", tenants.finish()?),
        ("metric", metrics.finish()?),
        ("series_id", Arc::new(UInt64Array::from(series)) as ArrayRef),
        ("time", Arc::new(TimestampNanosecondArray::from(gather(requests, rows, NumberColumns::times)))),
        (
            "start_time",
            Arc::new(TimestampNanosecondArray::from(gather(requests, rows, NumberColumns::starts))),
        ),
        ("value", Arc::new(Float64Array::from(gather(requests, rows, NumberColumns::values)))),
        ("integer_rest", Arc::new(Int16Array::from(gather(requests, rows, NumberColumns::integer_rests)))),
        ("is_integer", Arc::new(BooleanArray::from(gather(requests, rows, NumberColumns::integers)))),
        ("flags", Arc::new(UInt32Array::from(gather(requests, rows, NumberColumns::flags)))),
    ])
}

fn gather<T: Copy>(
    requests: &[&NumberColumns],
    rows: usize,
    column: impl Fn(&NumberColumns) -> &[T],
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows);
    for columns in requests {
        all.extend_from_slice(column(columns));
    }
    all
}
