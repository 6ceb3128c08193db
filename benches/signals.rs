//! Log records and spans: prost's decode, the walk alone and the whole intake over the same bytes, and the blocks.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

#[path = "shared/signals.rs"]
mod requests;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use telemetryflow::shared::{LogColumns, SpanColumns, TenantId, Timestamp};
use telemetryflow::telemetry::stages::{
    AcceptanceWindow, AttributeLimits, BODY_BYTES_MAX, LogRecord, LogsIntake, LogsVisitor, Meter,
    OriginBytes, SpanRecord, TracesIntake, TracesVisitor, WalkError, log_blocks, span_blocks, walk_logs,
    walk_traces,
};

const ITEMS: u64 = 1_000;
/// Requests that become one block.
const REQUESTS: u64 = 50;

/// Looks at each item and nothing in it: the least that a walk costs.
struct Skim;

impl LogsVisitor for Skim {
    fn next_resource(&mut self) {}

    fn next_scope(&mut self) {}

    fn log(&mut self, _: &OriginBytes<'_>, record: &LogRecord<'_>) -> Result<(), WalkError> {
        black_box(record);
        Ok(())
    }
}

impl TracesVisitor for Skim {
    fn next_resource(&mut self) {}

    fn next_scope(&mut self) {}

    fn span(&mut self, _: &OriginBytes<'_>, span: &SpanRecord<'_>) -> Result<(), WalkError> {
        black_box(span);
        Ok(())
    }
}

fn window() -> AcceptanceWindow {
    AcceptanceWindow::around(Timestamp::EPOCH, None, None)
}

fn logs(body: &[u8]) -> LogColumns {
    let mut meter = Meter::unlimited();
    let limits = AttributeLimits::default();
    let mut intake =
        LogsIntake::new(TenantId::unnamed(), Timestamp::EPOCH, window(), limits, BODY_BYTES_MAX, &mut meter);
    walk_logs(body, &mut intake).expect("a request of ours can be read");
    intake.finish().columns
}

fn spans(body: &[u8]) -> SpanColumns {
    let mut meter = Meter::unlimited();
    let mut intake = TracesIntake::new(TenantId::unnamed(), window(), AttributeLimits::default(), &mut meter);
    walk_traces(body, &mut intake).expect("a request of ours can be read");
    intake.finish().columns
}

fn main() {
    let mut criterion = shared::criterion();
    benchmark_logs(&mut criterion);
    benchmark_spans(&mut criterion);
}

fn benchmark_logs(criterion: &mut Criterion) {
    let body = requests::logs(ITEMS, 0);
    assert_eq!(logs(&body).len() as u64, ITEMS);
    let mut group =
        criterion.benchmark_group(format!("{ITEMS} log records of {} B", body.len() as u64 / ITEMS));
    group.throughput(Throughput::Elements(ITEMS));
    let prost = || ExportLogsServiceRequest::decode(&*body).expect("a request of ours can be read");
    group.bench_function("prost", |bencher| bencher.iter(|| black_box(prost())));
    group.bench_function("walk", |bencher| bencher.iter(|| walk_logs(&body, &mut Skim)));
    group.bench_function("intake", |bencher| bencher.iter(|| black_box(logs(&body))));
    group.finish();
    let columns: Vec<_> = (0..REQUESTS).map(|number| logs(&requests::logs(ITEMS, number * ITEMS))).collect();
    let block = || log_blocks::logs(&columns).expect("columns of ours make a block");
    let mut group = criterion.benchmark_group(format!("log records of {REQUESTS} requests"));
    group.throughput(Throughput::Elements(REQUESTS * ITEMS));
    group.bench_function("build", |bencher| bencher.iter(|| black_box(block())));
    group.finish();
}

fn benchmark_spans(criterion: &mut Criterion) {
    let body = requests::spans(ITEMS, 0);
    assert_eq!(spans(&body).len() as u64, ITEMS);
    let mut group = criterion.benchmark_group(format!("{ITEMS} spans of {} B", body.len() as u64 / ITEMS));
    group.throughput(Throughput::Elements(ITEMS));
    let prost = || ExportTraceServiceRequest::decode(&*body).expect("a request of ours can be read");
    group.bench_function("prost", |bencher| bencher.iter(|| black_box(prost())));
    group.bench_function("walk", |bencher| bencher.iter(|| walk_traces(&body, &mut Skim)));
    group.bench_function("intake", |bencher| bencher.iter(|| black_box(spans(&body))));
    group.finish();
    let columns: Vec<_> =
        (0..REQUESTS).map(|number| spans(&requests::spans(ITEMS, number * ITEMS))).collect();
    let block = || span_blocks::spans(&columns).expect("columns of ours make a block");
    let mut group = criterion.benchmark_group(format!("spans of {REQUESTS} requests"));
    group.throughput(Throughput::Elements(REQUESTS * ITEMS));
    group.bench_function("build", |bencher| bencher.iter(|| black_box(block())));
    group.bench_function("index", |bencher| bencher.iter(|| black_box(span_blocks::trace_index(&columns))));
    group.finish();
}
