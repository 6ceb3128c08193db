//! Inserts into the embedded engine: blocks of 100,000 samples, on one connection and on four at once.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use criterion::Throughput;
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Insert, Store};
use telemetryflow::telemetry::schema::MIGRATIONS;
use telemetryflow::telemetry::stages::blocks::{self, SAMPLES_TABLE};

const REQUESTS: u64 = 100;
const POINTS: u64 = 1_000;

/// Tokens are never used twice, or the engine would have nothing to do.
static TOKENS: AtomicU64 = AtomicU64::new(0);

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the engine");
    let store = open(folder.path());
    migrate(&store, MIGRATIONS).expect("the tables of this version");
    let block = block();
    let mut criterion = shared::criterion();
    for connections in [1, 4] {
        let name = format!("{} rows each, connections: {connections}", block.num_rows());
        let mut group = criterion.benchmark_group("insert");
        group.sample_size(20).measurement_time(Duration::from_secs(8));
        group.throughput(Throughput::Elements(connections * block.num_rows() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                store.execute("TRUNCATE TABLE telemetryflow.metric_samples").expect("an empty table");
                insert_at_once(&store, &block, connections, times)
            });
        });
        group.finish();
    }
}

fn open(path: &Path) -> EmbeddedStore {
    let query_limits =
        QueryLimits { time_max: Duration::from_secs(10), memory_bytes_max: 1 << 30, rows_max: 1_000_000 };
    let options = EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: path.to_owned(),
        writers: 4,
        readers: 1,
        memory_bytes_max: 4 << 30,
        query_limits,
    };
    EmbeddedStore::open(&options).expect("the embedded engine")
}

/// The samples of many requests, in the order in which they came.
fn block() -> RecordBatch {
    let catalogue = shared::catalogue();
    let bodies = (0..REQUESTS).map(|number| shared::body(1_000, 20, number * POINTS));
    let columns: Vec<_> = bodies.map(|body| shared::make_known(&body, &catalogue).columns).collect();
    blocks::samples(&columns).expect("columns of ours make a block")
}

fn insert_at_once(store: &EmbeddedStore, batch: &RecordBatch, connections: u64, times: u64) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| (0..times).for_each(|_| insert(store, batch)));
        }
    });
    begun.elapsed()
}

fn insert(store: &EmbeddedStore, batch: &RecordBatch) {
    let token = format!("bench/{}", TOKENS.fetch_add(1, Ordering::Relaxed));
    store.insert(&Insert { table: SAMPLES_TABLE, token: &token, batch }).expect("an insert that succeeds");
}
