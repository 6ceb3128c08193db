//! A baseline: what prost takes on one thread to decode the bodies that are sent, and nothing else.

use std::fmt::{self, Display};
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde::Serialize;

use crate::arguments::{Arguments, Signal, as_u64};
use crate::body::{Body, Moment};
use crate::process::Process;

/// More than one, so that not every byte is foreseen; few, since a server's bodies are in its cache when it decodes them.
const BODIES: u64 = 16;
const START_NANOS: u64 = 1_795_000_000_000_000_000;

/// What decoding took.
#[derive(Debug, Serialize)]
pub struct Decoding {
    pub items: u64,
    pub seconds: f64,
    pub cpu_seconds_per_million_items: f64,
}

/// Decodes bodies for as long as a run would last.
pub fn measure(arguments: &Arguments) -> Result<Decoding> {
    let bodies = bodies(arguments)?;
    let this = Process::new(std::process::id());
    let (started, used_before) = (Instant::now(), this.cpu_seconds()?);
    let (length, mut count) = (Duration::from_secs(arguments.seconds), 0);
    for body in bodies.iter().cycle() {
        decode(arguments.signal, body)?;
        count += 1;
        if started.elapsed() >= length || count >= arguments.requests {
            break;
        }
    }
    let cpu_seconds = this.cpu_seconds()? - used_before;
    let items = count * as_u64(arguments.items_per_body);
    #[expect(clippy::cast_precision_loss, reason = "shown with fewer digits than are lost")]
    let cpu_seconds_per_million_items = cpu_seconds / items as f64 * 1e6;
    Ok(Decoding { items, seconds: started.elapsed().as_secs_f64(), cpu_seconds_per_million_items })
}

fn bodies(arguments: &Arguments) -> Result<Vec<Vec<u8>>> {
    let mut body = Body::new(arguments)?;
    let moment = |number| Moment { now_nanos: START_NANOS + number, run_start_nanos: START_NANOS };
    Ok((0..BODIES).map(|number| body.fill(number, moment(number)).to_vec()).collect())
}

fn decode(signal: Signal, body: &[u8]) -> Result<()> {
    match signal {
        Signal::Metrics => drop(black_box(ExportMetricsServiceRequest::decode(body)?)),
        Signal::Logs => drop(black_box(ExportLogsServiceRequest::decode(body)?)),
        Signal::Traces => drop(black_box(ExportTraceServiceRequest::decode(body)?)),
    }
    Ok(())
}

impl Display for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<28}{}", "items decoded", self.items)?;
        writeln!(f, "{:<28}{:.3} s", "CPU per million", self.cpu_seconds_per_million_items)
    }
}

impl Decoding {
    /// One line of JSON, or lines for people.
    pub fn text(&self, json: bool) -> Result<String> {
        if !json {
            return Ok(self.to_string());
        }
        Ok(serde_json::to_string(self).context("the report cannot be written")? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_bodies_of_every_signal_are_decoded_and_counted() {
        for signal in ["metrics", "logs", "traces"] {
            let line = format!("load --prost-decode --requests 20 --items-per-body 30 --signal {signal}");
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap().check().unwrap();
            let decoding = measure(&arguments).unwrap();
            assert_eq!(decoding.items, 600, "{signal}");
            assert!(decoding.text(true).unwrap().contains(r#""cpu_seconds_per_million_items":"#));
        }
    }
}
