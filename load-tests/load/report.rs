//! What is said at the end of a run, as a table or as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use serde::Serialize;

use crate::drive::Outcome;
use crate::process::Memory;
use crate::quiet::Settling;

/// The server's share, where its process was named.
#[derive(Debug, Serialize)]
pub struct Server {
    pub cpu_seconds: f64,
    /// The same and what it did in the background until the settling time was over.
    pub cpu_seconds_settled: f64,
    pub settling: Settling,
    pub memory: Memory,
}

#[derive(Debug, Serialize)]
pub struct Report {
    seconds: f64,
    requests: u64,
    requests_unsent: u64,
    requests_failed: BTreeMap<String, u64>,
    items_sent: u64,
    items_accepted: u64,
    items_rejected: u64,
    items_per_second: f64,
    latency_ms: Latency,
    server_cpu_seconds: Option<f64>,
    server_cpu_seconds_settled: Option<f64>,
    server_settling: Option<Settling>,
    server_cpu_seconds_per_million_items: Option<f64>,
    server_cpu_seconds_per_million_items_settled: Option<f64>,
    server_memory: Option<Memory>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Report {
    pub fn new(outcome: &Outcome, server: Option<&Server>) -> Self {
        let tally = &outcome.tally;
        let seconds = outcome.elapsed.as_secs_f64();
        let accepted = number(tally.items_accepted);
        let per_million = |cpu_seconds: f64| (accepted > 0.0).then(|| cpu_seconds / accepted * 1e6);
        Self {
            seconds,
            requests: tally.requests,
            requests_unsent: outcome.unsent,
            requests_failed: tally.failures.iter().map(|(why, count)| (why.to_string(), *count)).collect(),
            items_sent: tally.items_sent,
            items_accepted: tally.items_accepted,
            items_rejected: tally.items_rejected,
            items_per_second: accepted / seconds.max(f64::EPSILON),
            latency_ms: Latency {
                p50: millis(tally.latency(0.5)),
                p90: millis(tally.latency(0.9)),
                p99: millis(tally.latency(0.99)),
                p999: millis(tally.latency(0.999)),
                max: millis(tally.latency(1.0)),
            },
            server_cpu_seconds: server.map(|server| server.cpu_seconds),
            server_cpu_seconds_settled: server.map(|server| server.cpu_seconds_settled),
            server_settling: server.map(|server| server.settling),
            server_cpu_seconds_per_million_items: server.and_then(|server| per_million(server.cpu_seconds)),
            server_cpu_seconds_per_million_items_settled: server
                .and_then(|server| per_million(server.cpu_seconds_settled)),
            server_memory: server.map(|server| server.memory),
        }
    }

    /// Whether every request that was due was sent and answered with 200.
    pub fn is_clean(&self) -> bool {
        self.requests > 0 && self.requests_failed.is_empty() && self.requests_unsent == 0
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "shown with fewer digits than are lost")]
fn number(count: u64) -> f64 {
    count as f64
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<28}{value}");
        row("time", format!("{:.2} s", self.seconds))?;
        row("requests", self.requests.to_string())?;
        for (why, count) in &self.requests_failed {
            row("  failed", format!("{count}  {why}"))?;
        }
        if self.requests_unsent > 0 {
            row("  due, but never sent", self.requests_unsent.to_string())?;
        }
        row("items sent", self.items_sent.to_string())?;
        row("  accepted", self.items_accepted.to_string())?;
        row("  rejected", self.items_rejected.to_string())?;
        row("items accepted per second", format!("{:.0}", self.items_per_second))?;
        let Latency { p50, p90, p99, p999, max } = self.latency_ms;
        let latency = format!("{p50:.2} / {p90:.2} / {p99:.2} / {p999:.2} / {max:.2} ms");
        row("p50 / p90 / p99 / p99.9 / max", format!(" {latency}"))?;
        if let Some(cpu) = self.server_cpu_seconds_per_million_items {
            row("server CPU per million", format!("{cpu:.3} s"))?;
        }
        if let Some(cpu) = self.server_cpu_seconds_per_million_items_settled {
            row("  with what came after", format!("{cpu:.3} s"))?;
        }
        if let Some(Settling { seconds, quiet: Some(quiet) }) = self.server_settling {
            let outcome = if quiet { "quiet" } else { "still busy" };
            row("  settling", format!("{seconds:.1} s, {outcome}"))?;
        }
        if let Some(Memory { peak_kib, now_kib }) = self.server_memory {
            row("server memory peak / end", format!("{} / {} MiB", peak_kib / 1_024, now_kib / 1_024))?;
        }
        Ok(())
    }
}
