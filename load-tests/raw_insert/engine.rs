//! The embedded engine in a folder of its own: inserts in flight, and what the tables take on the disk.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use crossbeam_channel::{Receiver, bounded};
use serde::Serialize;
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Insert, Select, Store};
use telemetryflow::telemetry::schema::MIGRATIONS;
use telemetryflow::telemetry::stages::blocks::TableBlock;

use crate::blocks::Supply;

/// Tokens are never used twice, or the engine would have nothing to do.
static TOKENS: AtomicU64 = AtomicU64::new(0);

/// What a table takes on the disk, in active parts.
#[derive(Debug, Serialize)]
pub struct Bytes {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
    pub parts: u64,
}

/// The engine with the tables of this version, limited as by the program's defaults.
pub fn open(path: &Path, writers: usize) -> Result<EmbeddedStore> {
    let query_limits =
        QueryLimits { time_max: Duration::from_secs(30), memory_bytes_max: 2 << 30, rows_max: 1_000_000_000 };
    let options = EmbeddedOptions {
        library: find_library(None)?,
        path: path.to_owned(),
        writers,
        readers: 1,
        memory_bytes_max: 4 << 30,
        query_limits,
    };
    let store = EmbeddedStore::open(&options)?;
    migrate(&store, MIGRATIONS)?;
    Ok(store)
}

pub fn run(store: &EmbeddedStore, statement: &str) -> Result<()> {
    Ok(store.execute(statement)?)
}

/// Inserts so many blocks, `writers` at once; the calling thread makes them meanwhile. Gives the CPU time that the making took.
pub fn insert_all(
    store: &EmbeddedStore,
    supply: &mut Supply,
    blocks: usize,
    writers: usize,
) -> Result<Duration> {
    let (hand_over, made) = bounded::<Vec<TableBlock>>(1);
    std::thread::scope(|scope| {
        let inserters: Vec<_> = (0..writers).map(|_| scope.spawn(|| insert_from(store, &made))).collect();
        let begun = thread_cpu();
        let supplied = (0..blocks).try_for_each(|_| {
            let block = supply.next_block()?;
            hand_over.send(block).map_err(|_| anyhow!("no writer is left"))
        });
        let cpu = thread_cpu() - begun;
        drop(hand_over);
        for inserter in inserters {
            inserter.join().map_err(|_| anyhow!("a writer panicked"))??;
        }
        supplied?;
        Ok(cpu)
    })
}

fn insert_from(store: &EmbeddedStore, made: &Receiver<Vec<TableBlock>>) -> Result<()> {
    while let Ok(blocks) = made.recv() {
        for (table, batch) in &blocks {
            let token = format!("raw/{}", TOKENS.fetch_add(1, Ordering::Relaxed));
            store.insert(&Insert { table, token: &token, batch })?;
        }
    }
    Ok(())
}

/// The calling thread's own time.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// The tables that have rows.
pub fn bytes(store: &EmbeddedStore) -> Result<Vec<Bytes>> {
    let sql = "SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts \
               WHERE active AND database = 'telemetryflow' AND rows > 0 AND table != 'schema_migrations' \
               GROUP BY table ORDER BY table";
    let answer = store.select(&Select::new(sql, &[]))?;
    let mut tables = Vec::new();
    for batch in &answer.batches {
        let names = batch.column(0).as_string::<i32>();
        let number = |column: usize| batch.column(column).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            tables.push(Bytes {
                table: names.value(row).to_owned(),
                rows: number(1).value(row),
                bytes: number(2).value(row),
                parts: number(3).value(row),
            });
        }
    }
    Ok(tables)
}
