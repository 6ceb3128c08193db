//! What a sender has seen: requests, items, failures, latencies. Senders count apart and are added up at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::client::Failure;

/// A tenth of a percent.
const SIGNIFICANT_DIGITS: u8 = 3;
/// As long as a run may take, so that waiting for a whole run is still told.
const LATENCY_MICROS_MAX: u64 = 3_600_000_000;

#[derive(Debug)]
pub struct Tally {
    pub requests: u64,
    pub items_sent: u64,
    pub items_accepted: u64,
    pub items_rejected: u64,
    pub failures: BTreeMap<Failure, u64>,
    /// Microseconds, of requests that were answered with 200.
    latencies: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Result<Self> {
        Ok(Self {
            requests: 0,
            items_sent: 0,
            items_accepted: 0,
            items_rejected: 0,
            failures: BTreeMap::new(),
            latencies: Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, SIGNIFICANT_DIGITS)?,
        })
    }

    pub fn count(&mut self, items: u64, outcome: Result<u64, Failure>, latency: Duration) {
        self.requests += 1;
        self.items_sent += items;
        match outcome {
            Ok(rejected) => {
                let rejected = rejected.min(items);
                self.items_rejected += rejected;
                self.items_accepted += items - rejected;
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latencies.saturating_record(micros);
            }
            Err(failure) => *self.failures.entry(failure).or_default() += 1,
        }
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.requests += other.requests;
        self.items_sent += other.items_sent;
        self.items_accepted += other.items_accepted;
        self.items_rejected += other.items_rejected;
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
        self.latencies.add(&other.latencies)?;
        Ok(())
    }

    pub fn latency(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_quantile(quantile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_accepted_rejected_or_failed() {
        let mut tally = Tally::new().unwrap();
        tally.count(100, Ok(0), Duration::from_millis(1));
        tally.count(100, Ok(30), Duration::from_millis(3));
        tally.count(100, Err(Failure::Status(503)), Duration::from_millis(90));
        let mut sum = Tally::new().unwrap();
        sum.add(&tally).unwrap();
        sum.add(&tally).unwrap();
        assert_eq!((sum.requests, sum.items_sent, sum.items_accepted, sum.items_rejected), (6, 600, 340, 60));
        assert_eq!(sum.failures, BTreeMap::from([(Failure::Status(503), 2)]));
        assert!((2_995..=3_005).contains(&sum.latency(1.0).as_micros()), "{:?}", sum.latency(1.0));
    }
}
