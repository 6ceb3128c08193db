//! The points of a batch that somebody looks at, whatever their kind.

use std::ops::Range;

use crate::shared::columns::FLAG_NO_RECORDED_VALUE;
use crate::shared::distribution::{Distribution, ExplicitBuckets, ExponentialBuckets, Shape};
use crate::shared::{
    MetricColumns, MetricKind, PastPoint, PastValue, PointRow, Population, SeriesId, WatchId,
};

/// A point that has a value, and the watch of its series.
#[derive(Debug, Clone)]
pub struct WatchedPoint {
    pub series: SeriesId,
    pub watch: WatchId,
    pub kind: MetricKind,
    pub point: PastPoint,
}

/// All of them, by kind, in the order in which they were sent.
pub fn watched_points(columns: &MetricColumns) -> impl Iterator<Item = WatchedPoint> {
    numbers(columns).chain(histograms(columns)).chain(exponential_histograms(columns))
}

fn numbers(columns: &MetricColumns) -> impl Iterator<Item = WatchedPoint> {
    let numbers = &columns.numbers;
    numbers.runs().flat_map(move |run| {
        let rows = watched(run.rows.clone(), numbers.watches()).filter_map(|at| numbers.row(at));
        rows.filter(|row| row.has_value()).map(move |row| WatchedPoint {
            series: row.series,
            watch: row.watch,
            kind: run.kind,
            point: PastPoint { time: row.time, start: row.start, value: PastValue::Number(row.value) },
        })
    })
}

fn histograms(columns: &MetricColumns) -> impl Iterator<Item = WatchedPoint> {
    let histograms = &columns.histograms;
    histograms.points().runs().flat_map(move |run| {
        watched(run.rows.clone(), histograms.points().watches()).filter_map(move |at| {
            let (counts, bounds) = (
                histograms.bucket_counts().get(at).unwrap_or_default(),
                histograms.bounds().get(at).unwrap_or_default(),
            );
            let shape =
                || ExplicitBuckets::new(bounds.into(), counts.into()).map_or(Shape::Unknown, Shape::Explicit);
            let population = histograms.populations().get(at)?;
            distribution(run.kind, histograms.points().row(at)?, *population, shape)
        })
    })
}

fn exponential_histograms(columns: &MetricColumns) -> impl Iterator<Item = WatchedPoint> {
    let histograms = &columns.exponential_histograms;
    histograms.points().runs().flat_map(move |run| {
        watched(run.rows.clone(), histograms.points().watches()).filter_map(move |at| {
            let sent = histograms.shapes().get(at)?;
            let shape = || {
                Shape::Exponential(ExponentialBuckets::new(
                    sent.scale,
                    (sent.zero_count, sent.zero_threshold),
                    (sent.positive_offset, histograms.positive_counts().get(at).unwrap_or_default()),
                    (sent.negative_offset, histograms.negative_counts().get(at).unwrap_or_default()),
                ))
            };
            let population = histograms.populations().get(at)?;
            distribution(run.kind, histograms.points().row(at)?, *population, shape)
        })
    })
}

fn distribution(
    kind: MetricKind,
    row: PointRow,
    population: Population,
    shape: impl FnOnce() -> Shape,
) -> Option<WatchedPoint> {
    if row.flags & FLAG_NO_RECORDED_VALUE != 0 {
        return None;
    }
    let observed = Distribution { count: population.count, sum: population.sum, shape: shape() };
    let value = PastValue::Observed { observed, min: population.min, max: population.max };
    let point = PastPoint { time: row.time, start: row.start, value };
    Some(WatchedPoint { series: row.series, watch: row.watch, kind, point })
}

/// Those of some rows that somebody looks at.
fn watched(rows: Range<usize>, watches: &[WatchId]) -> impl Iterator<Item = usize> {
    let watches = watches.get(rows.clone()).unwrap_or_default();
    rows.zip(watches).filter(|(_, watch)| watch.is_some()).map(|(at, _)| at)
}
