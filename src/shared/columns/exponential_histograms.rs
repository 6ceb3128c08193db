//! `ExponentialHistogramColumns`: the accepted points of histograms whose bounds are powers of a base.

use super::lists::Lists;
use super::points::{PointColumns, PointRow, Population};
use crate::shared::MetricKind;

/// Where the buckets of a point lie. Bucket `i` counts from `base^i`, exclusive, to `base^(i+1)`, with `base = 2^(2^-scale)`
/// (OpenTelemetry metrics data model, "Exponential Scale").
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExponentialShape {
    pub scale: i32,
    /// Values within `zero_threshold` of zero.
    pub zero_count: u64,
    pub zero_threshold: f64,
    /// Index of the first positive bucket that is listed.
    pub positive_offset: i32,
    pub negative_offset: i32,
}

/// Exponential histogram points of one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExponentialHistogramColumns {
    points: PointColumns,
    populations: Vec<Population>,
    shapes: Vec<ExponentialShape>,
    positive_counts: Lists<u64>,
    negative_counts: Lists<u64>,
}

impl ExponentialHistogramColumns {
    /// What a row takes in memory beside the numbers in its lists.
    pub const ROW_BYTES: usize = PointColumns::ROW_BYTES
        + size_of::<Population>()
        + size_of::<ExponentialShape>()
        + 2 * size_of::<usize>();

    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.points.begin_run(metric, kind);
    }

    /// Adds a row to the run begun last.
    pub fn push(
        &mut self,
        point: PointRow,
        population: Population,
        shape: ExponentialShape,
        positive_counts: impl IntoIterator<Item = u64>,
        negative_counts: impl IntoIterator<Item = u64>,
    ) {
        if self.points.push(point) {
            self.populations.push(population);
            self.shapes.push(shape);
            self.positive_counts.push(positive_counts);
            self.negative_counts.push(negative_counts);
        }
    }

    pub(super) fn finish(&mut self) {
        self.points.finish();
    }

    pub(super) fn bytes(&self) -> usize {
        self.points.bytes()
            + self.populations.capacity() * size_of::<Population>()
            + self.shapes.capacity() * size_of::<ExponentialShape>()
            + self.positive_counts.bytes()
            + self.negative_counts.bytes()
    }

    pub const fn points(&self) -> &PointColumns {
        &self.points
    }

    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    pub fn shapes(&self) -> &[ExponentialShape] {
        &self.shapes
    }

    pub const fn positive_counts(&self) -> &Lists<u64> {
        &self.positive_counts
    }

    pub const fn negative_counts(&self) -> &Lists<u64> {
        &self.negative_counts
    }
}
