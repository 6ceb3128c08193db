//! `HistogramColumns`: the accepted points of histograms with explicit bounds.

use super::lists::Lists;
use super::points::{PointColumns, PointRow, Population};
use crate::shared::MetricKind;

/// Histogram points of one request. A row has one bucket count more than bounds, or neither.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramColumns {
    points: PointColumns,
    populations: Vec<Population>,
    bucket_counts: Lists<u64>,
    bounds: Lists<f64>,
}

impl HistogramColumns {
    /// What a row takes in memory beside the numbers in its lists.
    pub const ROW_BYTES: usize = PointColumns::ROW_BYTES + size_of::<Population>() + 2 * size_of::<usize>();

    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.points.begin_run(metric, kind);
    }

    /// Adds a row to the run begun last.
    pub fn push(
        &mut self,
        point: PointRow,
        population: Population,
        bucket_counts: impl IntoIterator<Item = u64>,
        bounds: impl IntoIterator<Item = f64>,
    ) {
        if self.points.push(point) {
            self.populations.push(population);
            self.bucket_counts.push(bucket_counts);
            self.bounds.push(bounds);
        }
    }

    pub(super) fn finish(&mut self) {
        self.points.finish();
    }

    pub(super) fn bytes(&self) -> usize {
        self.points.bytes()
            + self.populations.capacity() * size_of::<Population>()
            + self.bucket_counts.bytes()
            + self.bounds.bytes()
    }

    pub const fn points(&self) -> &PointColumns {
        &self.points
    }

    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    pub const fn bucket_counts(&self) -> &Lists<u64> {
        &self.bucket_counts
    }

    pub const fn bounds(&self) -> &Lists<f64> {
        &self.bounds
    }
}
