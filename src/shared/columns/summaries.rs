//! `SummaryColumns`: the accepted points of summaries.

use super::lists::Lists;
use super::points::{PointColumns, PointRow};
use crate::shared::MetricKind;

/// The value below which a part of all values lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueAtQuantile {
    /// From 0 to 1.
    pub quantile: f64,
    pub value: f64,
}

/// Summary points of one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SummaryColumns {
    points: PointColumns,
    counts: Vec<u64>,
    sums: Vec<f64>,
    quantiles: Lists<ValueAtQuantile>,
}

impl SummaryColumns {
    /// What a row takes in memory beside its quantiles.
    pub const ROW_BYTES: usize = PointColumns::ROW_BYTES + 8 + 8 + size_of::<usize>();

    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.points.begin_run(metric, kind);
    }

    /// Adds a row to the run begun last.
    pub fn push(
        &mut self,
        point: PointRow,
        count: u64,
        sum: f64,
        quantiles: impl IntoIterator<Item = ValueAtQuantile>,
    ) {
        if self.points.push(point) {
            self.counts.push(count);
            self.sums.push(sum);
            self.quantiles.push(quantiles);
        }
    }

    pub(super) fn finish(&mut self) {
        self.points.finish();
    }

    pub(super) fn bytes(&self) -> usize {
        self.points.bytes() + (self.counts.capacity() + self.sums.capacity()) * 8 + self.quantiles.bytes()
    }

    pub const fn points(&self) -> &PointColumns {
        &self.points
    }

    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub fn sums(&self) -> &[f64] {
        &self.sums
    }

    pub const fn quantiles(&self) -> &Lists<ValueAtQuantile> {
        &self.quantiles
    }
}
