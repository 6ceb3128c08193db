//! Decoding: prost, the walk alone, and the whole intake, over the same bytes in the same run.
//!
//! `cargo bench --bench walker -- summary` prints only how many times as fast as prost the others are, and fails if the
//! walk of a large request is less than `WALK_RATIO_MIN` times as fast.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use telemetryflow::shared::TenantId;
use telemetryflow::telemetry::CatalogueReader;
use telemetryflow::telemetry::stages::KeyChain;
use telemetryflow::telemetry::stages::Metric;
use telemetryflow::telemetry::stages::WalkError;
use telemetryflow::telemetry::stages::{
    Around, ExponentialHistogramPoint, HistogramPoint, MetricHeader, MetricsVisitor, NumberPoint,
    SummaryPoint, walk,
};

/// What the walk of a large request has to reach against prost (write-path figures: 27 against 2.6 million points/s).
const WALK_RATIO_MIN: f64 = 5.0;
/// Rounds of the summary; each times all three, so that a busy moment of the machine meets all alike.
const ROUNDS: usize = 101;
/// How long each is timed in a round.
const ROUND_TIME: Duration = Duration::from_millis(5);

/// Hashes identities and reads keys, times and values: the least that a server has to do.
struct Skim(KeyChain);

impl MetricsVisitor for Skim {
    fn resource(&mut self, resource: &[u8]) {
        self.0.resource(resource);
    }

    fn scope(&mut self, scope: &[u8]) {
        self.0.scope(scope);
    }

    fn empty_metric(&mut self) {}

    fn metric<'m>(
        &mut self,
        header: &MetricHeader<'m>,
        _points: u64,
    ) -> Result<Option<Metric<'m>>, WalkError> {
        self.0.metric(header);
        Ok(Metric::declare(header.name, header.unit, header.kind).ok())
    }

    #[inline]
    fn number_point(&mut self, _around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), WalkError> {
        let key = self.0.point(point.attributes)?;
        black_box((key, point.draft.frame.time, point.draft.value));
        Ok(())
    }

    // The load generator sends numbers only.

    fn histogram_point(&mut self, _: &Around<'_>, _: &HistogramPoint<'_>) -> Result<(), WalkError> {
        Ok(())
    }

    fn exponential_histogram_point(
        &mut self,
        _: &Around<'_>,
        _: &ExponentialHistogramPoint<'_>,
    ) -> Result<(), WalkError> {
        Ok(())
    }

    fn summary_point(&mut self, _: &Around<'_>, _: &SummaryPoint<'_>) -> Result<(), WalkError> {
        Ok(())
    }
}

/// One request, and the view of a catalogue that knows its series.
struct Case {
    points: usize,
    body: Vec<u8>,
    reader: CatalogueReader,
}

impl Case {
    fn new(points: usize, metrics: usize) -> Self {
        let body = shared::body(points, metrics, 0);
        let catalogue = shared::catalogue();
        let known = shared::make_known(&body, &catalogue);
        assert_eq!((known.columns.len(), known.new_series.len()), (points, points));
        Self { points, body, reader: catalogue.reader() }
    }

    fn prost(&self) {
        black_box(ExportMetricsServiceRequest::decode(&*self.body).expect("a request of ours can be read"));
    }

    fn walk(&self) {
        let mut skim = Skim(KeyChain::new(shared::SEED, &TenantId::unnamed()));
        walk(&self.body, &mut skim).expect("a request of ours can be read");
    }

    fn intake(&mut self) {
        black_box(shared::take_in(&self.body, &mut self.reader));
    }
}

fn cases() -> [Case; 2] {
    [Case::new(1_000, 20), Case::new(10, 2)]
}

fn benchmark(criterion: &mut Criterion) {
    for mut case in cases() {
        let mut group = criterion.benchmark_group(format!("{} points", case.points));
        group.throughput(Throughput::Elements(case.points as u64));
        group.bench_function("prost", |bencher| bencher.iter(|| case.prost()));
        group.bench_function("walk", |bencher| bencher.iter(|| case.walk()));
        group.bench_function("intake", |bencher| bencher.iter(|| case.intake()));
        group.finish();
    }
}

/// Seconds that one call takes, from as many as fit into the time of a round.
fn seconds(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut calls = 0_u32;
    while begun.elapsed() < ROUND_TIME {
        work();
        calls += 1;
    }
    begun.elapsed().as_secs_f64() / f64::from(calls)
}

/// How many times as fast as prost the walk and the intake are.
struct Ratios {
    walk: f64,
    intake: f64,
}

impl Ratios {
    fn of(case: &mut Case) -> Self {
        let (mut walk, mut intake) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let prost = seconds(|| case.prost());
            walk.push(prost / seconds(|| case.walk()));
            intake.push(prost / seconds(|| case.intake()));
        }
        Self { walk: median(walk), intake: median(intake) }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Prints the ratios; the answer is whether the walk of the larger requests is as fast as it has to be.
fn summarise() -> std::io::Result<bool> {
    let mut fast_enough = true;
    let mut out = std::io::stdout().lock();
    writeln!(out, "times as fast as prost, median of {ROUNDS} rounds:")?;
    for mut case in cases() {
        let (points, bytes) = (case.points, case.body.len() / case.points);
        let Ratios { walk, intake } = Ratios::of(&mut case);
        writeln!(out, "{points:>5} points of {bytes} B: walk {walk:.1}, intake {intake:.1}")?;
        fast_enough &= points < 1_000 || walk >= WALK_RATIO_MIN;
    }
    let verdict = if fast_enough { "reached" } else { "MISSED" };
    writeln!(out, "{verdict}: a walk at least {WALK_RATIO_MIN} times as fast")?;
    Ok(fast_enough)
}

fn main() -> ExitCode {
    benchmark(&mut shared::criterion());
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    // Without the first argument cargo only tries whether benchmarks run; with the second a profiler is watching.
    let measuring = asked("--bench") && !asked("--profile-time");
    if measuring && !summarise().expect("standard output is there") {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
