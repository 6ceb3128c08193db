//! What is known of every live record: where it is, to which batch it belongs, and whether it may be forgotten.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::shared::Timestamp;

use super::frame::Content;
use super::record::{BatchNumber, BatchRange, Mark, Outcome, Sequence, Stream};

/// A jump of sequence numbers that no run of lost segments explains. Keeps a lying frame from sizing the ledger.
const MISSING_MAX: u64 = 1 << 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Unsealed,
    Sealed(BatchNumber),
    Closed(Closing),
}

/// How a record was closed, and by which mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    pub outcome: Outcome,
    pub mark: Sequence,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stream: Stream,
    pub(super) account: Arc<[u8]>,
    pub(super) received_at: Timestamp,
    pub(super) position: Position,
    pub(super) state: State,
}

impl Entry {
    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }
}

/// Where a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) epoch: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

#[derive(Debug)]
enum Slot {
    Absent,
    Mark,
    Record(Entry),
}

/// One slot for each sequence number from `base` on.
#[derive(Debug)]
pub(super) struct Ledger {
    base: u64,
    slots: VecDeque<Slot>,
    /// Bytes of records that are not closed.
    accounts: HashMap<Arc<[u8]>, u64>,
    /// Records that are not closed, by the epoch of their segment.
    open: BTreeMap<u64, u64>,
    /// The last mark that closed a record, by the epoch of the record's segment.
    closed_by: BTreeMap<u64, Sequence>,
    records: u64,
    bytes: u64,
    /// How many slots at the front are known to hold nothing that is open.
    closed: usize,
}

impl Ledger {
    pub(super) fn starting_at(base: u64) -> Self {
        Self {
            base,
            slots: VecDeque::new(),
            accounts: HashMap::new(),
            open: BTreeMap::new(),
            closed_by: BTreeMap::new(),
            records: 0,
            bytes: 0,
            closed: 0,
        }
    }

    /// The sequence number after the last one that is known.
    pub(super) fn end(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn account_bytes(&self) -> &HashMap<Arc<[u8]>, u64> {
        &self.accounts
    }

    /// How many records of the segment are not closed.
    pub(super) fn open_in(&self, epoch: u64) -> u64 {
        self.open.get(&epoch).copied().unwrap_or(0)
    }

    /// The last mark that closed a record of the segment.
    pub(super) fn closed_by(&self, epoch: u64) -> Option<Sequence> {
        self.closed_by.get(&epoch).copied()
    }

    /// When the oldest open record was received.
    pub(super) fn oldest(&mut self) -> Option<Timestamp> {
        loop {
            match self.slots.get(self.closed)? {
                Slot::Record(entry) if !entry.is_closed() => return Some(entry.received_at),
                _ => self.closed += 1,
            }
        }
    }

    /// Whether a frame with this number can follow: not known yet, and not absurdly far away.
    pub(super) fn accepts(&self, sequence: u64) -> bool {
        (self.end()..self.end().saturating_add(MISSING_MAX)).contains(&sequence)
    }

    /// Adds what was written at `position`; numbers that were left out are absent.
    pub(super) fn add(&mut self, sequence: u64, content: &Content, position: Position) {
        self.skip_to(sequence);
        match content {
            Content::Record { stream, account, received_at } => {
                let account = self.account(account);
                let (stream, received_at) = (*stream, *received_at);
                self.count(&account, position);
                let entry = Entry { stream, account, received_at, position, state: State::Unsealed };
                self.slots.push_back(Slot::Record(entry));
            }
            Content::Mark(mark) => {
                self.slots.push_back(Slot::Mark);
                self.apply(Sequence(sequence), *mark);
            }
        }
    }

    /// Leaves numbers below `sequence` absent.
    pub(super) fn skip_to(&mut self, sequence: u64) {
        let missing = sequence.saturating_sub(self.end()).min(MISSING_MAX);
        self.slots.extend((0..missing).map(|_| Slot::Absent));
    }

    fn apply(&mut self, mark_at: Sequence, mark: Mark) {
        match mark {
            Mark::Seal(range) => self.seal(BatchNumber(mark_at.0), range),
            Mark::Closed(outcome, batch, range) => {
                self.close_batch(batch, range, Closing { outcome, mark: mark_at });
            }
            Mark::Released(_) | Mark::Gap(..) => {}
        }
    }

    /// A record that was sealed before moves to the new batch.
    fn seal(&mut self, number: BatchNumber, range: BatchRange) {
        for entry in self.open_range(range) {
            entry.state = State::Sealed(number);
        }
    }

    /// What is unsealed inside a closed range has lost its seal.
    fn close_batch(&mut self, batch: BatchNumber, range: BatchRange, closing: Closing) {
        let last = range.last.0.min(self.end());
        for sequence in range.first.0.max(self.base)..=last {
            let belongs = self.entry(sequence).is_some_and(|entry| {
                entry.stream == range.stream
                    && (entry.state == State::Sealed(batch) || entry.state == State::Unsealed)
            });
            if belongs {
                self.close(sequence, closing);
            }
        }
    }

    fn open_range(&mut self, range: BatchRange) -> impl Iterator<Item = &mut Entry> {
        let first = usize::try_from(range.first.0.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let end = range.last.0.saturating_add(1).saturating_sub(self.base);
        let end = usize::try_from(end).unwrap_or(usize::MAX).min(self.slots.len());
        self.slots.range_mut(first.min(end)..end).filter_map(move |slot| match slot {
            Slot::Record(entry) if entry.stream == range.stream && !entry.is_closed() => Some(entry),
            _ => None,
        })
    }

    fn close(&mut self, sequence: u64, closing: Closing) {
        let Some(index) = self.index(sequence) else { return };
        let Some(Slot::Record(entry)) = self.slots.get_mut(index) else { return };
        if entry.is_closed() {
            return;
        }
        entry.state = State::Closed(closing);
        let (account, position) = (Arc::clone(&entry.account), entry.position);
        self.closed_by.insert(position.epoch, closing.mark);
        self.discount(&account, position);
    }

    fn count(&mut self, account: &Arc<[u8]>, position: Position) {
        self.records += 1;
        self.bytes += position.length;
        *self.open.entry(position.epoch).or_default() += 1;
        *self.accounts.entry(Arc::clone(account)).or_default() += position.length;
    }

    fn discount(&mut self, account: &Arc<[u8]>, position: Position) {
        self.records -= 1;
        self.bytes -= position.length;
        if let Some(open) = self.open.get_mut(&position.epoch) {
            *open -= 1;
        }
        if let Some(bytes) = self.accounts.get_mut(account) {
            *bytes -= position.length;
            if *bytes == 0 {
                self.accounts.remove(account);
            }
        }
    }

    /// The same bytes share one allocation while they are in use.
    fn account(&self, account: &[u8]) -> Arc<[u8]> {
        self.accounts
            .get_key_value(account)
            .map_or_else(|| Arc::from(account), |(known, _)| Arc::clone(known))
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.base)?).ok()
    }

    pub(super) fn entry(&self, sequence: u64) -> Option<&Entry> {
        match self.slots.get(self.index(sequence)?)? {
            Slot::Record(entry) => Some(entry),
            Slot::Absent | Slot::Mark => None,
        }
    }

    /// Forgets everything below `sequence`. What was still open there is not counted any more.
    pub(super) fn release(&mut self, sequence: u64) {
        while self.base < sequence {
            let Some(slot) = self.slots.pop_front() else {
                self.base = sequence;
                break;
            };
            self.base += 1;
            self.closed = self.closed.saturating_sub(1);
            if let Slot::Record(entry) = slot
                && !entry.is_closed()
            {
                self.discount(&entry.account, entry.position);
            }
        }
        self.open.retain(|_, open| *open > 0);
        let oldest = self.slots.iter().find_map(|slot| match slot {
            Slot::Record(entry) => Some(entry.position.epoch),
            Slot::Absent | Slot::Mark => None,
        });
        self.closed_by.retain(|epoch, _| oldest.is_some_and(|oldest| *epoch >= oldest));
    }

    /// All that have not been released, in order.
    pub(super) fn all_records(&self) -> impl Iterator<Item = (Sequence, &Entry)> {
        (self.base..).zip(&self.slots).filter_map(|(sequence, slot)| match slot {
            Slot::Record(entry) => Some((Sequence(sequence), entry)),
            Slot::Absent | Slot::Mark => None,
        })
    }

    /// Numbers of which nothing was found.
    pub(super) fn absent(&self) -> impl Iterator<Item = u64> {
        (self.base..)
            .zip(&self.slots)
            .filter(|(_, slot)| matches!(slot, Slot::Absent))
            .map(|(sequence, _)| sequence)
    }
}
