//! Points to buckets: what the store hands over of 10,000 series becomes the buckets of 20 groups, straight off the columns, and
//! for comparison through points of their own, series by series.
//!
//! `cargo bench --bench fold -- summary` prints only how many times as fast the straight way is.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type, UInt64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, Int64Array, RecordBatch, UInt32Array, UInt64Array,
};
use criterion::Throughput;
use telemetryflow::platform::clickhouse::Rows;
use telemetryflow::querying::stages::{Fold, GroupSeries, Meaning, NumberPoint, PointTable, Runs};
use telemetryflow::shared::{Interval, SeriesId, TimeRange, Timestamp};

const SERIES: u64 = 10_000;
/// An hour and what is looked back on, each 15 s.
const POINTS: i64 = 300;
const GROUPS: u64 = 20;
/// Of the table; each holds a part of the time.
const PARTS: i64 = 3;
/// As the engine cuts them.
const BATCH_ROWS: usize = 65_409;
const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_795_000_020 * SECOND;
const ROUNDS: usize = 15;

/// Series, time and part of each row, in the order of the key within each part.
fn rows() -> Vec<(u64, i64, u32)> {
    let each = POINTS / PARTS;
    let part = |part: i64| {
        let times = move |series| (part * each..(part + 1) * each).map(move |at| (series, at * 15));
        let rows = (0..SERIES).flat_map(times);
        rows.map(move |(series, at)| (spread(series), START + at * SECOND, u32::try_from(part).unwrap_or(0)))
    };
    (0..PARTS).flat_map(part).collect()
}

/// Ids of series are hashes.
const fn spread(series: u64) -> u64 {
    series * (u64::MAX / SERIES)
}

fn answer() -> Rows {
    let all = rows();
    let mut batches: Vec<RecordBatch> = all.chunks(BATCH_ROWS).map(batch).collect();
    // Two threads hand them over in turn.
    let half = batches.len() / 2;
    batches.rotate_left(half);
    Rows { batches, rows_read: 0 }
}

fn batch(rows: &[(u64, i64, u32)]) -> RecordBatch {
    let values = (0..rows.len()).map(|at| f64::from(u32::try_from(at % 1_000).unwrap_or(0)));
    let columns: [(&str, ArrayRef); 7] = [
        ("series_id", Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("at", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("start", Arc::new(Int64Array::from(vec![START - SECOND; rows.len()]))),
        ("value", Arc::new(Float64Array::from_iter_values(values))),
        ("integer_rest", Arc::new(Int16Array::from(vec![0; rows.len()]))),
        ("is_gap", Arc::new(BooleanArray::from(vec![false; rows.len()]))),
        ("part", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.2)))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn fold() -> Fold {
    let end = Timestamp::from_nanos(START + POINTS * 15 * SECOND);
    let range = TimeRange::new(Timestamp::from_nanos(START), end).expect("a range");
    let interval = Interval::parse("1m").expect("an interval");
    Fold::new(range, interval, usize::try_from(GROUPS).expect("few"), 1_000_000)
}

fn group(series: SeriesId) -> usize {
    usize::try_from(series.0 / (u64::MAX / SERIES) % GROUPS).expect("few")
}

fn finish(fold: Fold) -> Vec<GroupSeries> {
    let labels: Vec<Vec<Box<str>>> = (0..GROUPS).map(|group| vec![group.to_string().into()]).collect();
    fold.finish(&labels)
}

fn straight(rows: &Rows, meaning: Meaning) -> Vec<GroupSeries> {
    let runs = Runs::<NumberPoint>::of(PointTable::Numbers, rows).expect("columns as promised");
    let mut fold = fold();
    for series in runs.series() {
        fold.add(group(series.id()), meaning, &mut None, series.points()).expect("few buckets");
    }
    finish(fold)
}

/// The plain way: each batch becomes points, which are put together by series and sorted.
fn through_points(rows: &Rows, meaning: Meaning) -> Vec<GroupSeries> {
    let mut runs: Vec<(u64, Vec<NumberPoint>)> = Vec::new();
    for batch in &rows.batches {
        let column = |name| batch.column_by_name(name).expect("columns as promised");
        let series = column("series_id").as_primitive::<UInt64Type>().values();
        let (times, starts) =
            (column("at").as_primitive::<Int64Type>(), column("start").as_primitive::<Int64Type>());
        let values = column("value").as_primitive::<Float64Type>();
        let rests = column("integer_rest").as_primitive::<Int16Type>();
        let all = times.values().iter().zip(starts.values()).zip(values.values()).zip(rests.values());
        let points: Vec<NumberPoint> = all
            .map(|(((time, start), value), rest)| NumberPoint {
                time: *time,
                start: *start,
                value: *value,
                rest: *rest,
            })
            .collect();
        let mut points = points.into_iter();
        for run in series.chunk_by(|one, next| one == next) {
            let id = run.first().copied().unwrap_or_default();
            runs.push((id, points.by_ref().take(run.len()).collect()));
        }
    }
    runs.sort_by_key(|run| run.0);
    runs.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1.append(&mut next.1);
        }
        same
    });
    let mut fold = fold();
    for (series, mut points) in runs {
        points.sort_by_key(|point| point.time);
        fold.add(group(SeriesId(series)), meaning, &mut None, points).expect("few buckets");
    }
    finish(fold)
}

fn summary(rows: &Rows) {
    for meaning in [Meaning::Own, Meaning::Cumulative] {
        assert_eq!(straight(rows, meaning), through_points(rows, meaning), "the same answer");
        let seconds = |work: &dyn Fn() -> Vec<GroupSeries>| {
            let began = Instant::now();
            black_box(work());
            began.elapsed().as_secs_f64()
        };
        let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|_| (seconds(&|| through_points(rows, meaning)), seconds(&|| straight(rows, meaning))))
            .collect();
        rounds.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
        if let Some((plain, straight)) = rounds.get(ROUNDS / 2) {
            let (ratio, plain, straight) = (plain / straight, plain * 1e3, straight * 1e3);
            let _ = writeln!(
                std::io::stdout(),
                "{meaning:?}: {ratio:.1} times as fast as through points ({straight:.0} ms, {plain:.0} ms)"
            );
        }
    }
}

fn main() {
    let rows = answer();
    if std::env::args().any(|argument| argument == "summary") {
        return summary(&rows);
    }
    let mut criterion = shared::criterion().sample_size(10);
    let mut group = criterion.benchmark_group("fold 3 million points");
    group.throughput(Throughput::Elements(SERIES * POINTS.unsigned_abs()));
    for meaning in [Meaning::Own, Meaning::Cumulative] {
        group.bench_function(format!("straight, {meaning:?}"), |bencher| {
            bencher.iter(|| black_box(straight(&rows, meaning)));
        });
        group.bench_function(format!("through points, {meaning:?}"), |bencher| {
            bencher.iter(|| black_box(through_points(&rows, meaning)));
        });
    }
    group.finish();
}
