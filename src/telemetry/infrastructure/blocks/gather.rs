//! Puts the columns of several requests one after the other: points, numbers that may be absent, and lists.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, RecordBatch, TimestampNanosecondArray, UInt32Array, UInt64Array};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field};

use super::texts::Texts;
use crate::shared::MetricColumns;
use crate::shared::columns::{Lists, PointColumns};

/// A column with its name.
pub(super) type Column = (&'static str, ArrayRef);

/// The points of one kind, of all requests.
pub(super) struct Points<'a> {
    requests: Vec<(&'a MetricColumns, &'a PointColumns)>,
    rows: usize,
}

impl<'a> Points<'a> {
    pub(super) fn of(requests: &'a [MetricColumns], kind: fn(&MetricColumns) -> &PointColumns) -> Self {
        let requests: Vec<_> = requests.iter().map(|columns| (columns, kind(columns))).collect();
        let rows = requests.iter().map(|(_, points)| points.len()).sum();
        Self { requests, rows }
    }

    /// The columns that all tables of points have, and then those of the kind.
    pub(super) fn block<const N: usize>(&self, own: [Column; N]) -> Result<RecordBatch, ArrowError> {
        let mut tenants = Texts::with_rows(self.rows);
        let mut metrics = Texts::with_rows(self.rows);
        for (columns, points) in &self.requests {
            tenants.push(columns.tenant().as_str(), points.len());
            points.runs().for_each(|run| metrics.push(run.metric, run.rows.len()));
        }
        let series = self.gather(|points| points.series().iter().map(|id| id.0));
        let times = self.gather(|points| points.times().iter().copied());
        let starts = self.gather(|points| points.starts().iter().copied());
        let flags = self.gather(|points| points.flags().iter().copied());
        let common: [Column; 6] = [
            ("tenant", tenants.finish()?),
            ("metric", metrics.finish()?),
            ("series_id", Arc::new(UInt64Array::from(series))),
            ("time", Arc::new(TimestampNanosecondArray::from(times))),
            ("start_time", Arc::new(TimestampNanosecondArray::from(starts))),
            ("flags", Arc::new(UInt32Array::from(flags))),
        ];
        RecordBatch::try_from_iter(common.into_iter().chain(own))
    }

    fn gather<T, I: Iterator<Item = T>>(&self, column: impl Fn(&'a PointColumns) -> I) -> Vec<T> {
        let mut all = Vec::with_capacity(self.rows);
        self.requests.iter().for_each(|(_, points)| all.extend(column(points)));
        all
    }
}

/// A column of arrays: where each request's rows end among its values, and the values of all requests.
pub(super) fn list_column<'a>(
    ends: impl Iterator<Item = &'a [usize]>,
    values: ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let mut offsets = vec![0_i32];
    let mut before = 0;
    for ends in ends {
        for end in ends {
            let offset = i32::try_from(before + end);
            offsets.push(offset.map_err(|_| ArrowError::OffsetOverflowError(before + end))?);
        }
        before += ends.last().copied().unwrap_or_default();
    }
    let item = Arc::new(Field::new("item", values.data_type().clone(), false));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(item, offsets, values, None)?))
}

/// A column of arrays of what `item` takes from each value.
pub(super) fn lists<'a, T: 'a, V>(
    requests: &'a [MetricColumns],
    column: fn(&MetricColumns) -> &Lists<T>,
    item: impl Fn(&'a T) -> V,
    array: impl FnOnce(Vec<V>) -> ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let values = requests.iter().flat_map(|columns| column(columns).values()).map(item).collect();
    list_column(requests.iter().map(|columns| column(columns).ends()), array(values))
}
