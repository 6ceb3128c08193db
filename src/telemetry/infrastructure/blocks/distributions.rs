//! Rows of `metric_histograms`, `metric_exponential_histograms` and `metric_summaries`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, UInt64Array};
use arrow_schema::ArrowError;

use super::gather::{Column, Points, lists};
use crate::shared::{ExponentialShape, MetricColumns, Population};

pub fn histograms(requests: &[MetricColumns]) -> Result<RecordBatch, ArrowError> {
    let points = Points::of(requests, |columns| columns.histograms.points());
    let populations = || requests.iter().flat_map(|columns| columns.histograms.populations());
    let [count, sum, min, max] = population_columns(populations);
    points.block([
        count,
        sum,
        min,
        max,
        ("bucket_counts", lists(requests, |columns| columns.histograms.bucket_counts(), |n| *n, counts)?),
        ("bounds", lists(requests, |columns| columns.histograms.bounds(), |bound| *bound, doubles)?),
    ])
}

pub fn exponential_histograms(requests: &[MetricColumns]) -> Result<RecordBatch, ArrowError> {
    let points = Points::of(requests, |columns| columns.exponential_histograms.points());
    let populations = || requests.iter().flat_map(|columns| columns.exponential_histograms.populations());
    let shapes = || requests.iter().flat_map(|columns| columns.exponential_histograms.shapes());
    let integers = |of: fn(&ExponentialShape) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from(shapes().map(of).collect::<Vec<_>>()))
    };
    let [count, sum, min, max] = population_columns(populations);
    let positive =
        lists(requests, |columns| columns.exponential_histograms.positive_counts(), |n| *n, counts)?;
    let negative =
        lists(requests, |columns| columns.exponential_histograms.negative_counts(), |n| *n, counts)?;
    points.block([
        count,
        sum,
        min,
        max,
        ("scale", integers(|shape| shape.scale)),
        ("zero_count", counts(shapes().map(|shape| shape.zero_count).collect())),
        ("zero_threshold", doubles(shapes().map(|shape| shape.zero_threshold).collect())),
        ("positive_offset", integers(|shape| shape.positive_offset)),
        ("positive_counts", positive),
        ("negative_offset", integers(|shape| shape.negative_offset)),
        ("negative_counts", negative),
    ])
}

pub fn summaries(requests: &[MetricColumns]) -> Result<RecordBatch, ArrowError> {
    let points = Points::of(requests, |columns| columns.summaries.points());
    let all_counts = requests.iter().flat_map(|columns| columns.summaries.counts()).copied();
    let all_sums = requests.iter().flat_map(|columns| columns.summaries.sums()).copied();
    points.block([
        ("count", counts(all_counts.collect())),
        ("sum", doubles(all_sums.collect())),
        ("quantiles", lists(requests, |columns| columns.summaries.quantiles(), |at| at.quantile, doubles)?),
        (
            "quantile_values",
            lists(requests, |columns| columns.summaries.quantiles(), |at| at.value, doubles)?,
        ),
    ])
}

fn population_columns<'a, I: Iterator<Item = &'a Population>>(populations: impl Fn() -> I) -> [Column; 4] {
    let optional = |of: fn(&Population) -> Option<f64>| -> ArrayRef {
        Arc::new(populations().map(of).collect::<Float64Array>())
    };
    [
        ("count", counts(populations().map(|population| population.count).collect())),
        ("sum", optional(|population| population.sum)),
        ("min", optional(|population| population.min)),
        ("max", optional(|population| population.max)),
    ]
}

fn counts(values: Vec<u64>) -> ArrayRef {
    Arc::new(UInt64Array::from(values))
}

fn doubles(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}
