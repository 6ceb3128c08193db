//! Rows of `metric_exemplars`: one per point that has some.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int16Array, RecordBatch,
    TimestampNanosecondArray, UInt64Array,
};
use arrow_schema::ArrowError;

use super::gather::list_column;
use super::texts::{Texts, maps};
use crate::shared::columns::{Exemplar, ExemplarColumns, Lists};
use crate::shared::{Attribute, MetricColumns, SpanId, TraceId};

pub fn exemplars(requests: &[MetricColumns]) -> Result<RecordBatch, ArrowError> {
    let rows = requests.iter().map(|columns| columns.exemplars.len()).sum();
    let mut tenants = Texts::with_rows(rows);
    let mut metrics = Texts::with_rows(rows);
    for columns in requests {
        tenants.push(columns.tenant().as_str(), columns.exemplars.len());
        columns.exemplars.runs().for_each(|run| metrics.push(run.metric, run.rows.len()));
    }
    let of_all = || requests.iter().map(|columns| &columns.exemplars);
    let series: Vec<u64> = of_all().flat_map(ExemplarColumns::series).map(|id| id.0).collect();
    let times: Vec<i64> = of_all().flat_map(ExemplarColumns::times).copied().collect();
    let all: Vec<&Exemplar> = of_all().flat_map(ExemplarColumns::exemplars).collect();
    let list = |values| list_column(of_all().map(ExemplarColumns::ends), values);
    let stamps: Vec<i64> = all.iter().map(|exemplar| exemplar.time.nanos()).collect();
    let values: Vec<f64> = all.iter().map(|exemplar| exemplar.value).collect();
    let rests: Vec<i16> = all.iter().map(|exemplar| exemplar.integer_rest).collect();
    let integers: Vec<bool> = all.iter().map(|exemplar| exemplar.integer).collect();
    RecordBatch::try_from_iter([
        ("tenant", tenants.finish()?),
        ("metric", metrics.finish()?),
        ("series_id", Arc::new(UInt64Array::from(series)) as ArrayRef),
        ("time", Arc::new(TimestampNanosecondArray::from(times))),
        ("exemplar_times", list(Arc::new(TimestampNanosecondArray::from(stamps)))?),
        ("values", list(Arc::new(Float64Array::from(values)))?),
        ("integer_rests", list(Arc::new(Int16Array::from(rests)))?),
        ("are_integers", list(Arc::new(BooleanArray::from(integers)))?),
        ("trace_ids", list(trace_ids(&all)?)?),
        ("span_ids", list(span_ids(&all)?)?),
        ("attributes", list(attribute_maps(of_all().map(ExemplarColumns::attributes))?)?),
    ])
}

/// Zeros where there is none: no valid id is zero.
fn trace_ids(exemplars: &[&Exemplar]) -> Result<ArrayRef, ArrowError> {
    let id = |exemplar: &&Exemplar| exemplar.trace.map_or([0; TraceId::BYTES], |id| *id.as_bytes());
    let ids: Vec<u8> = exemplars.iter().flat_map(id).collect();
    fixed_binary(TraceId::BYTES, ids)
}

fn span_ids(exemplars: &[&Exemplar]) -> Result<ArrayRef, ArrowError> {
    let id = |exemplar: &&Exemplar| exemplar.span.map_or([0; SpanId::BYTES], |id| *id.as_bytes());
    let ids: Vec<u8> = exemplars.iter().flat_map(id).collect();
    fixed_binary(SpanId::BYTES, ids)
}

fn fixed_binary(width: usize, bytes: Vec<u8>) -> Result<ArrayRef, ArrowError> {
    let width = i32::try_from(width).map_err(|_| ArrowError::OffsetOverflowError(width))?;
    Ok(Arc::new(FixedSizeBinaryArray::try_new(width, bytes.into(), None)?))
}

fn attribute_maps<'a>(
    lists: impl Iterator<Item = &'a Lists<Attribute>> + Clone,
) -> Result<ArrayRef, ArrowError> {
    maps(lists.flat_map(|lists| (0..lists.len()).filter_map(|at| lists.get(at))))
}
