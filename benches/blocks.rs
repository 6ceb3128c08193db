//! Blocks: from the columns of requests to Arrow, and from Arrow to the bytes that the engine reads.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::hint::black_box;

use arrow_array::RecordBatch;
use criterion::{Criterion, Throughput};
use telemetryflow::shared::MetricColumns;
use telemetryflow::telemetry::stages::NewSeries;
use telemetryflow::telemetry::stages::blocks;

const POINTS: u64 = 1_000;

fn main() {
    let mut criterion = shared::criterion();
    let (columns, series) = requests(100);
    let samples = || blocks::samples(&columns).expect("columns of ours make a block");
    benchmark(&mut criterion, "samples of 100 requests", samples);
    let series = series.get(..10_000).expect("more series than that");
    benchmark(&mut criterion, "series", || blocks::series(series).expect("series of ours make a block"));
}

/// What so many requests with series of their own come to.
fn requests(count: u64) -> (Vec<MetricColumns>, Vec<NewSeries>) {
    let catalogue = shared::catalogue();
    let bodies = (0..count).map(|number| shared::body(1_000, 20, number * POINTS));
    let decoded = bodies.map(|body| shared::make_known(&body, &catalogue));
    let (columns, series): (Vec<_>, Vec<_>) =
        decoded.map(|decoded| (decoded.columns, decoded.new_series)).unzip();
    (columns, series.into_iter().flatten().collect())
}

fn benchmark(criterion: &mut Criterion, name: &str, build: impl Fn() -> RecordBatch) {
    let block = build();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(block.num_rows() as u64));
    group.bench_function("build", |bencher| bencher.iter(|| black_box(build())));
    group.finish();
}
