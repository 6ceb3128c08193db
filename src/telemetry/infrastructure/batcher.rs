//! Collects accepted requests into batches, one signal each, and seals them by rows, bytes or age.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use tokio_util::sync::CancellationToken;

use crate::platform::journal::{AppendError, BatchNumber, BatchRange, Journal, Stream};
use crate::shared::Signal;

use super::backlog::{Backlog, Taken};
use super::entry::Entry;
use super::insertion::History;

/// When a batch is sealed: whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct SealLimits {
    pub rows_max: usize,
    pub bytes_max: usize,
    pub age_max: Duration,
}

/// How long a seal that the journal does not take waits for the next attempt.
const SEAL_RETRY: Duration = Duration::from_millis(100);

/// Requests of one signal that are inserted together.
#[derive(Debug)]
pub struct SealedBatch {
    pub name: BatchName,
    pub history: History,
    pub entries: Vec<Entry>,
}

/// No other batch has it, in this process or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchName {
    /// The same after a restart.
    Journaled(BatchNumber, BatchRange),
    /// Of this run of the process.
    Unjournaled(u64),
}

impl BatchName {
    pub fn range(self) -> Option<BatchRange> {
        match self {
            Self::Journaled(_, range) => Some(range),
            Self::Unjournaled(_) => None,
        }
    }

    pub fn number(self) -> u64 {
        match self {
            Self::Journaled(number, _) => number.get(),
            Self::Unjournaled(number) => number,
        }
    }
}

/// The journal's stream of a signal.
pub fn stream(signal: Signal) -> Stream {
    Stream(signal as u8)
}

/// From what to what these entries reach; absent if they are in no journal.
pub fn range(entries: &[Entry]) -> Option<BatchRange> {
    let (first, last) = (entries.first()?, entries.last()?);
    let (signal, first, last) = (first.signal, first.kept()?.sequence, last.kept()?.sequence);
    Some(BatchRange { stream: stream(signal), first, last })
}

/// Seals the range and returns when that is on disk. Tries again for as long as there is hope.
pub fn seal(
    journal: &Journal,
    range: BatchRange,
    give_up: &CancellationToken,
) -> Result<BatchNumber, AppendError> {
    loop {
        let sealed = journal.seal(range).and_then(|ticket| ticket.wait());
        match sealed {
            Err(error) if error.may_pass() && !give_up.is_cancelled() => {
                tracing::warn!(%error, "a batch cannot be sealed and waits");
                std::thread::park_timeout(SEAL_RETRY);
            }
            sealed => return sealed,
        }
    }
}

/// Where batches come from and go to.
#[derive(Debug)]
pub struct Batcher {
    pub backlog: Arc<Backlog>,
    pub journal: Option<Arc<Journal>>,
    pub sealed: Sender<SealedBatch>,
    pub limits: SealLimits,
    /// Of batches that were sealed before this process began: no other batch may reach over them.
    pub recovered: Vec<BatchRange>,
    pub give_up: CancellationToken,
}

#[derive(Debug, Default)]
struct OpenBatch {
    entries: Vec<Entry>,
    rows: usize,
    bytes: usize,
    opened: Option<Instant>,
}

impl OpenBatch {
    fn add(&mut self, entry: Entry) {
        self.rows += entry.items;
        self.bytes += entry.block_bytes;
        self.opened.get_or_insert_with(Instant::now);
        self.entries.push(entry);
    }

    /// A single request may pass the limit, but never one after another: a block's texts have to stay within 2 GiB.
    fn has_room_for(&self, entry: &Entry, limits: SealLimits) -> bool {
        self.entries.is_empty() || self.bytes.saturating_add(entry.block_bytes) <= limits.bytes_max
    }

    /// What is in the journal is named by it, what is not is named otherwise.
    fn is_of_one_kind_with(&self, entry: &Entry) -> bool {
        self.entries.first().is_none_or(|first| first.kept().is_some() == entry.kept().is_some())
    }

    /// Whether a batch lies between them that is sealed already.
    fn is_cut_off_from(&self, entry: &Entry, recovered: &[BatchRange]) -> bool {
        let last = self.entries.last().and_then(Entry::kept);
        let (Some(last), Some(next)) = (last, entry.kept()) else { return false };
        recovered.iter().any(|sealed| {
            sealed.stream == next.stream && last.sequence < sealed.first && sealed.first < next.sequence
        })
    }

    fn is_full(&self, limits: SealLimits) -> bool {
        self.rows >= limits.rows_max || self.bytes >= limits.bytes_max
    }

    fn is_due(&self, age_max: Duration) -> bool {
        self.opened.is_some_and(|opened| opened.elapsed() >= age_max)
    }
}

impl Batcher {
    /// Runs until the backlog is closed and empty. Waiting for a free inserter is how pressure of the store reaches the
    /// backlog. `recovered` were sealed before this process began.
    pub fn run(self, recovered: Vec<SealedBatch>) {
        for batch in recovered {
            self.hand_over(batch);
        }
        let mut open: [OpenBatch; Signal::ALL.len()] = Default::default();
        let mut number = 0;
        loop {
            let oldest = open.iter().filter_map(|open| open.opened).min();
            match self.backlog.take(oldest.map(|opened| opened + self.limits.age_max)) {
                Taken::Entry(entry) => self.add(&mut open, &mut number, *entry),
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
            // Also after a request: a busy signal must not hold up the others.
            let is_due = |open: &&mut OpenBatch| open.is_due(self.limits.age_max);
            open.iter_mut().filter(is_due).for_each(|due| self.seal(std::mem::take(due), &mut number));
        }
        open.into_iter().for_each(|rest| self.seal(rest, &mut number));
    }

    fn add(&self, open: &mut [OpenBatch], number: &mut u64, entry: Entry) {
        let Some(open) = open.get_mut(entry.signal as usize) else { return };
        let is_apart = !open.is_of_one_kind_with(&entry) || open.is_cut_off_from(&entry, &self.recovered);
        if is_apart || !open.has_room_for(&entry, self.limits) {
            self.seal(std::mem::take(open), number);
        }
        open.add(entry);
        if open.is_full(self.limits) {
            self.seal(std::mem::take(open), number);
        }
    }

    fn seal(&self, open: OpenBatch, number: &mut u64) {
        let OpenBatch { entries, .. } = open;
        if entries.is_empty() {
            return;
        }
        let name = match (&self.journal, range(&entries)) {
            (Some(journal), Some(range)) => match seal(journal, range, &self.give_up) {
                Ok(number) => BatchName::Journaled(number, range),
                // They stay in the journal; the next process goes on with them.
                Err(error) => {
                    return tracing::error!(%error, "a batch could not be sealed and is not stored now");
                }
            },
            _ => {
                *number += 1;
                BatchName::Unjournaled(*number)
            }
        };
        self.hand_over(SealedBatch { name, history: History::New, entries });
    }

    fn hand_over(&self, batch: SealedBatch) {
        // Inserters live longer than the batcher; if they are gone, what was waiting is told so by being dropped.
        let _ = self.sealed.send(batch);
    }
}
