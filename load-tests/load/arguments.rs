//! What a load run is asked to do, and the limits that keep it from being more than was meant.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

const SECONDS_MAX: u64 = 3_600;
const REQUESTS_MAX: u64 = 100_000_000;
const CONNECTIONS_MAX: usize = 1_024;
const ITEMS_PER_BODY_MAX: usize = 100_000;
const SERIES_MAX: u64 = 50_000_000;
/// A service's number has four digits in the body.
const SERVICES_MAX: u64 = 9_999;
const RATE_MAX: u64 = 1_000_000_000;

/// What is sent; its items are points, log records or spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signal {
    Metrics,
    Logs,
    Traces,
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// How a body is packed; all but `none` before the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Sends OTLP/HTTP to a server on this machine and says how it did.
#[derive(Debug, Clone, Parser)]
#[command(name = "load")]
pub struct Arguments {
    /// Where OTLP/HTTP is listened for; loopback only
    #[arg(long, default_value = "127.0.0.1:4318")]
    pub target: SocketAddr,
    /// What to send
    #[arg(long, value_enum, default_value_t = Signal::Metrics)]
    pub signal: Signal,
    /// How requests are written
    #[arg(long, value_enum, default_value_t = Encoding::Protobuf)]
    pub encoding: Encoding,
    /// How bodies are packed; packed ones are made before the run
    #[arg(long, value_enum, default_value_t = Compression::None)]
    pub compression: Compression,
    /// Points, log records or spans in each request
    #[arg(long, default_value_t = 1_000)]
    pub items_per_body: usize,
    /// Metrics: live series, spread over the bodies (rounded up to whole bodies)
    #[arg(long, default_value_t = 10_000)]
    pub series: u64,
    /// Metrics: metric names in each body
    #[arg(long, default_value_t = 20)]
    pub metrics: usize,
    /// Services that the bodies come from
    #[arg(long, default_value_t = 10)]
    pub services: u64,
    /// Metrics: share of a body's points, 0 to 1, that begin a new series each time
    #[arg(long, default_value_t = 0.0)]
    pub churn: f64,
    /// Where ids and values begin: the same seed gives the same ones
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Connections; in a closed loop each sends its next request when the last one was answered
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Open loop: items per second, sent on schedule whether or not answers come; latency counts from the schedule
    #[arg(long)]
    pub rate: Option<u64>,
    /// Stop after so many seconds
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Stop after so many requests
    #[arg(long, default_value_t = 1_000_000)]
    pub requests: u64,
    /// The server's process, for its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// Read the server's CPU time once more so many seconds after the end, for what it does in the background
    #[arg(long, default_value_t = 0)]
    pub settle: u64,
    /// Instead of a fixed time, until the server uses less than 3 % of a core for 3 s, but at most so many seconds
    #[arg(long, conflicts_with = "settle", requires = "pid")]
    pub settle_until_quiet: Option<u64>,
    /// Threads that send
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Send nothing: decode the bodies with prost, on one thread, and say what that took
    #[arg(long, conflicts_with_all = ["pid", "rate", "idle_server"])]
    pub prost_decode: bool,
    /// Send nothing: listen on this port (0 is any, it is printed), read bodies and answer 200 without a look at them
    #[arg(long, value_name = "PORT")]
    pub idle_server: Option<u16>,
}

impl Arguments {
    /// Refuses what is out of bounds.
    pub fn check(self) -> Result<Self> {
        ensure!(
            self.target.ip().is_loopback(),
            "{} is not this machine: only loopback is loaded",
            self.target
        );
        within("items-per-body", as_u64(self.items_per_body), as_u64(ITEMS_PER_BODY_MAX))?;
        within("series", self.series, SERIES_MAX)?;
        if self.signal == Signal::Metrics {
            within("metrics", as_u64(self.metrics), as_u64(self.items_per_body))?;
        }
        within("services", self.services, SERVICES_MAX)?;
        within("connections", as_u64(self.connections), as_u64(CONNECTIONS_MAX))?;
        within("seconds", self.seconds, SECONDS_MAX)?;
        within("requests", self.requests, REQUESTS_MAX)?;
        within("rate", self.rate.unwrap_or(1), RATE_MAX)?;
        within("threads", as_u64(self.threads), 64)?;
        ensure!(self.settle <= SECONDS_MAX, "--settle is at most {SECONDS_MAX}");
        within("settle-until-quiet", self.settle_until_quiet.unwrap_or(1), SECONDS_MAX)?;
        ensure!(
            !self.prost_decode
                || (self.encoding == Encoding::Protobuf && self.compression == Compression::None),
            "--prost-decode decodes plain protobuf only"
        );
        ensure!((0.0..=1.0).contains(&self.churn), "--churn is a share from 0 to 1");
        ensure!(
            self.compression == Compression::None || self.churn == 0.0,
            "--churn changes bodies as they are sent, --compression sends fixed ones"
        );
        ensure!(
            self.signal == Signal::Metrics || self.churn == 0.0,
            "--churn is about series, which only metrics have"
        );
        Ok(self)
    }

    /// How many different bodies carry all series once, or come once from each service.
    pub fn bodies(&self) -> u64 {
        match self.signal {
            Signal::Metrics => self.series.div_ceil(as_u64(self.items_per_body)),
            Signal::Logs | Signal::Traces => self.services,
        }
    }

    /// In an open loop, the time from one request to the next.
    pub fn period(&self) -> Option<Duration> {
        let nanos = |rate| as_u64(self.items_per_body).saturating_mul(1_000_000_000) / rate;
        self.rate.map(|rate| Duration::from_nanos(nanos(rate).max(1)))
    }
}

fn within(name: &str, value: u64, max: u64) -> Result<()> {
    ensure!((1..=max).contains(&value), "--{name} is from 1 to {max}, not {value}");
    Ok(())
}

pub fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::try_parse_from(std::iter::once("load").chain(line.split_whitespace()))?.check()
    }

    #[test]
    fn defaults_are_within_bounds() {
        let arguments = parse("").unwrap();
        assert_eq!((arguments.bodies(), arguments.period()), (10, None));
    }

    #[test]
    fn only_this_machine_is_loaded() {
        assert!(parse("--target [::1]:4318").is_ok());
        for other in ["192.0.2.1:4318", "0.0.0.0:4318", "[2001:db8::1]:4318"] {
            let error = parse(&format!("--target {other}")).unwrap_err().to_string();
            assert!(error.contains("only loopback"), "{error}");
        }
    }

    #[test]
    fn bounds_are_hard() {
        for line in
            ["--seconds 3601", "--requests 0", "--connections 2000", "--churn 1.5", "--rate 0", "--series 0"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_only_metrics_have_binds_only_metrics() {
        assert!(parse("--items-per-body 10").is_err());
        for signal in ["logs", "traces"] {
            assert!(parse(&format!("--signal {signal} --items-per-body 10")).is_ok());
            assert!(parse(&format!("--signal {signal} --churn 0.5")).is_err());
        }
        assert!(parse("--compression zstd --churn 0.5").is_err());
    }

    #[test]
    fn a_baseline_is_one_thing_and_waits_are_bounded() {
        assert!(parse("--pid 1 --settle-until-quiet 60").is_ok());
        assert!(parse("--prost-decode --signal logs").is_ok());
        for line in [
            "--settle-until-quiet 60",
            "--pid 1 --settle-until-quiet 4000",
            "--pid 1 --settle-until-quiet 60 --settle 3",
            "--prost-decode --encoding json",
            "--prost-decode --compression gzip",
            "--prost-decode --idle-server 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_rate_in_items_gives_the_period_of_requests() {
        let arguments = parse("--rate 100000 --items-per-body 1000").unwrap();
        assert_eq!(arguments.period(), Some(Duration::from_millis(10)));
    }
}
