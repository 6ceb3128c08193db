//! The load generator: sends OTLP/HTTP requests to a server on this machine and measures how it does; and two baselines.
//!
//! `cargo run --release --example load -- --help` says what can be asked of it.

mod arguments;
mod body;
mod client;
mod drive;
mod idle_server;
mod json;
mod log_records;
mod payload;
mod process;
mod prost_decode;
mod quiet;
mod report;
mod spans;
mod tally;
#[cfg(test)]
mod tests;
mod workload;

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use arguments::Arguments;
use process::Process;
use quiet::{Settling, until_quiet};
use report::{Report, Server};

/// The program's own allocator, so that the baselines are its equals.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments = Arguments::parse().check()?;
    if arguments.prost_decode {
        let text = prost_decode::measure(&arguments)?.text(arguments.json)?;
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    if let Some(port) = arguments.idle_server {
        // As many threads as there are cores, which is what the program has.
        return tokio::runtime::Runtime::new()?.block_on(idle_server::serve(port));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(arguments.threads).enable_all().build()?;
    let report = runtime.block_on(measure(&arguments))?;
    let text = if arguments.json { serde_json::to_string(&report)? + "\n" } else { report.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    std::process::exit(if report.is_clean() { 0 } else { 2 });
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let Some(process) = arguments.pid.map(Process::new) else {
        return Ok(Report::new(&drive::drive(arguments).await?, None));
    };
    let before = process.cpu_seconds()?;
    let outcome = drive::drive(arguments).await?;
    let after = process.cpu_seconds()?;
    let settling = settle(process, arguments).await?;
    let server = Server {
        settling,
        cpu_seconds: after - before,
        cpu_seconds_settled: process.cpu_seconds()? - before,
        memory: process.memory()?,
    };
    Ok(Report::new(&outcome, Some(&server)))
}

async fn settle(process: Process, arguments: &Arguments) -> Result<Settling> {
    if let Some(longest) = arguments.settle_until_quiet {
        return until_quiet(process, Duration::from_secs(longest)).await;
    }
    let wait = Duration::from_secs(arguments.settle);
    tokio::time::sleep(wait).await;
    Ok(Settling { seconds: wait.as_secs_f64(), quiet: None })
}
