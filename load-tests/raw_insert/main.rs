//! The baseline of the whole write path: inserts the rows that the load generator's requests come to into the embedded
//! engine, ready-made and with the settings of the program, and says what the engine alone used for it.
//!
//! `cargo run --release --example raw_insert -- --help` says what can be asked of it.

#[path = "../load/arguments.rs"]
#[allow(dead_code, reason = "the load generator uses all of it")]
mod arguments;
mod blocks;
#[path = "../load/body/mod.rs"]
#[allow(dead_code, reason = "the load generator uses all of it")]
mod body;
mod engine;
#[path = "../load/json.rs"]
#[allow(dead_code, reason = "the load generator uses all of it")]
mod json;
#[path = "../load/log_records.rs"]
mod log_records;
#[path = "../load/process.rs"]
#[allow(dead_code, reason = "the load generator uses all of it")]
mod process;
#[path = "../load/quiet.rs"]
mod quiet;
#[path = "../load/spans.rs"]
mod spans;
#[path = "../load/workload.rs"]
mod workload;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use serde::Serialize;
use telemetryflow::platform::clickhouse::embedded::EmbeddedStore;

use arguments::Signal;
use blocks::Supply;
use engine::Bytes;
use process::Process;
use quiet::until_quiet;

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BLOCKS_MAX: usize = 10_000;

/// Inserts ready-made rows into the embedded engine and says what that costs
#[derive(Debug, Parser)]
#[command(name = "raw_insert")]
struct Options {
    /// Whose rows
    #[arg(long, value_enum, default_value_t = Signal::Metrics)]
    signal: Signal,
    /// Rows in each block
    #[arg(long, default_value_t = 100_000)]
    rows_per_block: usize,
    /// Blocks; each is inserted once
    #[arg(long, default_value_t = 20)]
    blocks: usize,
    /// Inserts in flight
    #[arg(long, default_value_t = 4)]
    writers: usize,
    /// Metrics: live series
    #[arg(long, default_value_t = 10_000)]
    series: u64,
    /// Statements to run on the empty tables first, to try other columns and codecs
    #[arg(long)]
    statement: Vec<String>,
    /// Wait at most so many seconds for merges
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What an insert of all blocks has cost.
#[derive(Debug, Serialize)]
struct Report {
    rows: u64,
    rows_per_second: f64,
    /// User and system time of the process until merges had settled, without what it took to make the rows.
    cpu_seconds_per_million_rows: f64,
    /// The same until the last insert had returned.
    cpu_seconds_per_million_rows_inserted: f64,
    settled: bool,
    peak_kib: u64,
    /// Of all tables that got rows, per row of the signal's own table.
    bytes_per_row: f64,
    tables: Vec<Bytes>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!((1..=1_000_000).contains(&options.rows_per_block), "--rows-per-block is from 1 to 1000000");
    ensure!((1..=BLOCKS_MAX).contains(&options.blocks), "--blocks is from 1 to {BLOCKS_MAX}");
    ensure!((1..=16).contains(&options.writers), "--writers is from 1 to 16");
    let folder = tempfile::tempdir()?;
    let store = engine::open(folder.path(), options.writers)?;
    for statement in &options.statement {
        engine::run(&store, statement)?;
    }
    let report = measure(&options, &store)?;
    let text = if options.json { serde_json::to_string(&report)? + "\n" } else { format!("{report:#?}\n") };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn measure(options: &Options, store: &EmbeddedStore) -> Result<Report> {
    let process = Process::new(std::process::id());
    let mut supply = Supply::new(options.signal, options.series, options.rows_per_block)?;
    let (cpu_before, begun) = (process.cpu_seconds()?, Instant::now());
    let made = engine::insert_all(store, &mut supply, options.blocks, options.writers)?;
    let elapsed = begun.elapsed();
    let cpu = process.cpu_seconds()? - cpu_before - made.as_secs_f64();
    let longest = Duration::from_secs(options.settle);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let settled = runtime.block_on(until_quiet(process, longest))?.quiet == Some(true);
    let cpu_settled = process.cpu_seconds()? - cpu_before - made.as_secs_f64();
    let rows = arguments::as_u64(options.blocks * options.rows_per_block);
    #[allow(clippy::cast_precision_loss, reason = "fewer rows than 2^53")]
    let millions = rows as f64 / 1e6;
    let tables = engine::bytes(store)?;
    #[allow(clippy::cast_precision_loss, reason = "fewer bytes than 2^53")]
    let bytes = tables.iter().map(|table| table.bytes).sum::<u64>() as f64;
    Ok(Report {
        rows,
        rows_per_second: millions * 1e6 / elapsed.as_secs_f64(),
        cpu_seconds_per_million_rows: cpu_settled / millions,
        cpu_seconds_per_million_rows_inserted: cpu / millions,
        settled,
        peak_kib: process.memory()?.peak_kib,
        bytes_per_row: bytes / (millions * 1e6),
        tables,
    })
}
