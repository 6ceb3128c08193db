//! `Tally`: what a request came to, in numbers.

use crate::telemetry::domain::{Findings, Rejection};

/// Items of one request. Kept with it in the journal, so that the ledger can be drawn up again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub accepted: u64,
    /// Each reason once.
    pub rejected: Vec<(Rejection, u64)>,
}

impl Tally {
    pub fn new(accepted: usize, findings: &Findings) -> Self {
        Self { accepted: accepted as u64, rejected: findings.rejections().collect() }
    }

    /// All that was in the request and could be read.
    pub fn received(&self) -> u64 {
        self.accepted + self.rejected.iter().map(|(_, items)| items).sum::<u64>()
    }
}
