//! The load generator: sends OTLP/HTTP requests to a server on this machine and measures how it does.
//!
//! `cargo run --release --example load -- --help` says what can be asked of it.

mod arguments;
mod body;
mod client;
mod drive;
mod json;
mod log_records;
mod payload;
mod process;
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
use report::{Report, Server};

fn main() -> Result<()> {
    let arguments = Arguments::parse().check()?;
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
    tokio::time::sleep(Duration::from_secs(arguments.settle)).await;
    let server = Server {
        cpu_seconds: after - before,
        cpu_seconds_settled: process.cpu_seconds()? - before,
        memory: process.memory()?,
    };
    Ok(Report::new(&outcome, Some(&server)))
}
