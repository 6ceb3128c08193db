//! Collects accepted requests into batches, one signal each, and seals them by rows, bytes or age.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::shared::Signal;
use crate::telemetry::application::Accepted;

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
    Accepted(Box<Accepted>),
    /// Seal what there is and end.
    Stop,
}

/// Requests of one signal that are inserted together, with a number that no other batch of this process has.
#[derive(Debug)]
pub struct SealedBatch {
    pub number: u64,
    pub requests: Vec<Accepted>,
}

#[derive(Debug, Default)]
struct OpenBatch {
    requests: Vec<Accepted>,
    rows: usize,
    bytes: usize,
    opened: Option<Instant>,
}

impl OpenBatch {
    fn add(&mut self, accepted: Accepted) {
        self.rows += accepted.payload.items();
        self.bytes += accepted.payload.block_bytes();
        self.opened.get_or_insert_with(Instant::now);
        self.requests.push(accepted);
    }

    /// A single request may pass the limit, but never one after another: a block's texts have to stay within 2 GiB.
    fn has_room_for(&self, accepted: &Accepted, limits: SealLimits) -> bool {
        self.requests.is_empty()
            || self.bytes.saturating_add(accepted.payload.block_bytes()) <= limits.bytes_max
    }

    fn is_full(&self, limits: SealLimits) -> bool {
        self.rows >= limits.rows_max || self.bytes >= limits.bytes_max
    }

    fn is_due(&self, age_max: Duration) -> bool {
        self.opened.is_some_and(|opened| opened.elapsed() >= age_max)
    }
}

/// Runs until it is told to stop or everybody has left. Waiting for a free inserter is how pressure of the store reaches
/// the queue in front.
///
/// Requests whose client has left are not sealed: it will send them again.
pub fn run(incoming: &Receiver<Incoming>, sealed: &Sender<SealedBatch>, limits: SealLimits) {
    let mut batcher = Batcher { open: Default::default(), number: 0, limits, sealed };
    loop {
        let received = match batcher.oldest() {
            Some(opened) => incoming.recv_deadline(opened + limits.age_max),
            None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(Incoming::Accepted(accepted)) => batcher.add(*accepted),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Incoming::Stop) | Err(RecvTimeoutError::Disconnected) => {
                // Some may have passed the door just before it was closed.
                for late in incoming.try_iter() {
                    if let Incoming::Accepted(accepted) = late {
                        batcher.add(*accepted);
                    }
                }
                batcher.seal_where(|_| true);
                return;
            }
        }
        // Also after a request: a busy signal must not hold up the others.
        batcher.seal_where(|open| open.is_due(limits.age_max));
    }
}

struct Batcher<'s> {
    open: [OpenBatch; Signal::ALL.len()],
    number: u64,
    limits: SealLimits,
    sealed: &'s Sender<SealedBatch>,
}

impl Batcher<'_> {
    fn oldest(&self) -> Option<Instant> {
        self.open.iter().filter_map(|open| open.opened).min()
    }

    fn add(&mut self, accepted: Accepted) {
        let signal = accepted.payload.signal() as usize;
        let Some(open) = self.open.get_mut(signal) else { return };
        if !open.has_room_for(&accepted, self.limits) {
            let full = std::mem::take(open);
            self.seal(full);
        }
        let Some(open) = self.open.get_mut(signal) else { return };
        open.add(accepted);
        if open.is_full(self.limits) {
            let full = std::mem::take(open);
            self.seal(full);
        }
    }

    fn seal_where(&mut self, is_due: impl Fn(&OpenBatch) -> bool) {
        for signal in 0..self.open.len() {
            let due = self.open.get_mut(signal).filter(|open| is_due(open)).map(std::mem::take);
            if let Some(due) = due {
                self.seal(due);
            }
        }
    }

    fn seal(&mut self, open: OpenBatch) {
        let mut requests = open.requests;
        requests.retain(|request| !request.pending.is_abandoned());
        if !requests.is_empty() {
            self.number += 1;
            // Inserters live longer than the batcher; if they are gone, the requests are told so by being dropped.
            let _ = self.sealed.send(SealedBatch { number: self.number, requests });
        }
    }
}
