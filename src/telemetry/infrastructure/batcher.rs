//! Collects accepted requests into batches and seals them by rows, bytes or age.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::telemetry::application::{AcceptedMetrics, IngestCounters};

/// When a batch is sealed: whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct SealLimits {
    pub rows_max: usize,
    pub bytes_max: usize,
    pub age_max: Duration,
}

/// What comes in.
#[derive(Debug)]
pub enum Incoming {
    Accepted(Box<AcceptedMetrics>),
    /// Seal what there is and end.
    Stop,
}

/// Requests that are inserted together, with a number that no other batch of this process has.
#[derive(Debug)]
pub struct SealedBatch {
    pub number: u64,
    pub requests: Vec<AcceptedMetrics>,
}

#[derive(Debug, Default)]
struct OpenBatch {
    requests: Vec<AcceptedMetrics>,
    rows: usize,
    bytes: usize,
    opened: Option<Instant>,
}

impl OpenBatch {
    fn add(&mut self, accepted: AcceptedMetrics) {
        self.rows += accepted.columns.len();
        let text = accepted.new_series.iter().map(|new| new.identity.text_bytes()).sum::<usize>();
        self.bytes += accepted.columns.bytes() + text;
        self.opened.get_or_insert_with(Instant::now);
        self.requests.push(accepted);
    }

    fn is_full(&self, limits: SealLimits) -> bool {
        self.rows >= limits.rows_max || self.bytes >= limits.bytes_max
    }
}

/// Runs until it is told to stop or everybody has left. Waiting for a free inserter is how pressure of the store reaches
/// the queue in front.
///
/// Requests whose client has left are not sealed: it will send them again.
pub fn run(
    incoming: &Receiver<Incoming>,
    sealed: &Sender<SealedBatch>,
    limits: SealLimits,
    counters: &IngestCounters,
) {
    let mut open = OpenBatch::default();
    let mut number = 0;
    let mut seal = |open: &mut OpenBatch| {
        let mut requests = std::mem::take(open).requests;
        requests.retain(|request| {
            let abandoned = request.pending.is_abandoned();
            if abandoned {
                counters.points_refused(request.columns.len());
            }
            !abandoned
        });
        if !requests.is_empty() {
            number += 1;
            // Inserters live longer than the batcher; if they are gone, the requests are told so by being dropped.
            let _ = sealed.send(SealedBatch { number, requests });
        }
    };
    loop {
        let received = match open.opened {
            Some(opened) => incoming.recv_deadline(opened + limits.age_max),
            None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(Incoming::Accepted(accepted)) => {
                open.add(*accepted);
                if open.is_full(limits) {
                    seal(&mut open);
                }
            }
            Err(RecvTimeoutError::Timeout) => seal(&mut open),
            Ok(Incoming::Stop) | Err(RecvTimeoutError::Disconnected) => {
                seal(&mut open);
                return;
            }
        }
    }
}
