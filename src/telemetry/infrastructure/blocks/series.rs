//! Rows of `metric_series`.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow_schema::ArrowError;

use super::texts::{Texts, maps};
use crate::telemetry::application::NewSeries;

/// Rows of `metric_series`.
pub fn series(series: &[NewSeries]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&NewSeries) -> &str| -> Result<ArrayRef, ArrowError> {
        let mut texts = Texts::with_rows(series.len());
        series.iter().for_each(|new| texts.push(of(new), 1));
        texts.finish()
    };
    let counts = |of: fn(&NewSeries) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from(series.iter().map(of).collect::<Vec<u32>>()))
    };
    let ids: Vec<u64> = series.iter().map(|new| new.identity.id.0).collect();
    let days: Vec<u16> = series.iter().map(|new| u16::try_from(new.day).unwrap_or(u16::MAX)).collect();
    let seen: Vec<i64> = series.iter().map(|new| new.seen).collect();
    let monotonic: Vec<bool> = series.iter().map(|new| new.identity.kind.is_monotonic()).collect();
    let descriptions: StringArray = series.iter().map(|new| Some(&*new.identity.description)).collect();
    RecordBatch::try_from_iter([
        ("tenant", text(|new| new.identity.tenant.as_str())?),
        ("metric", text(|new| &new.identity.metric)?),
        ("series_id", Arc::new(UInt64Array::from(ids)) as ArrayRef),
        // ClickHouse's Date is a 16-bit count of days.
        ("day", Arc::new(UInt16Array::from(days))),
        ("last_seen", Arc::new(TimestampNanosecondArray::from(seen))),
        ("kind", text(|new| new.identity.kind.name())?),
        ("temporality", text(|new| new.identity.kind.temporality_name())?),
        ("is_monotonic", Arc::new(BooleanArray::from(monotonic))),
        ("unit", text(|new| &new.identity.unit)?),
        ("description", Arc::new(descriptions)),
        ("service", text(|new| &new.identity.resource.service)?),
        ("scope_name", text(|new| &new.identity.scope.name)?),
        ("scope_version", text(|new| &new.identity.scope.version)?),
        ("resource_schema_url", text(|new| &new.identity.resource.schema_url)?),
        ("scope_schema_url", text(|new| &new.identity.scope.schema_url)?),
        ("resource_dropped_attributes", counts(|new| new.identity.resource.dropped_attributes)),
        ("scope_dropped_attributes", counts(|new| new.identity.scope.dropped_attributes)),
        ("scope_attributes", maps(series.iter().map(|new| &*new.identity.scope.attributes))?),
        ("metadata", maps(series.iter().map(|new| &*new.identity.metadata))?),
        ("resource_attributes", maps(series.iter().map(|new| &*new.identity.resource.attributes))?),
        ("attributes", maps(series.iter().map(|new| &*new.identity.attributes))?),
    ])
}
