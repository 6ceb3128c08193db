//! What a start gives back: batches that were sealed and are not known to be stored, then records without a batch.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::shared::Timestamp;

use super::error::ReadError;
use super::file_system::{JournalFile, read_up_to};
use super::frame::Frame;
use super::ledger::{Closing, Entry, Ledger, Position, State};
use super::metrics::RecoveryCounts;
use super::record::{BatchNumber, BatchRange, Record, Sequence, Stream};
use super::segment::{Identity, JournalId, Segment};

/// Holds no payloads; each is read when it is asked for, until its segment is released.
#[derive(Debug)]
pub struct Recovery {
    pub journal: JournalId,
    /// By number. To be inserted again, under the same number.
    pub sealed: Vec<SealedBatch>,
    /// In order. To be sealed anew.
    pub unsealed: Vec<KeptRecord>,
    /// Every record that was not released, in order, open or not: for what the caller counts and remembers.
    pub history: Vec<PastRecord>,
    pub counts: RecoveryCounts,
}

/// A batch as it was sealed. Records that were damaged since are not in it.
#[derive(Debug)]
pub struct SealedBatch {
    pub number: BatchNumber,
    /// From its first record that is left to its last.
    pub range: BatchRange,
    pub records: Vec<KeptRecord>,
}

/// What is left of a record without its payload.
#[derive(Debug, Clone)]
pub struct PastRecord {
    pub sequence: Sequence,
    pub stream: Stream,
    pub account: Arc<[u8]>,
    pub received_at: Timestamp,
    /// Its beginning, see [`HEADER_BYTES_KEPT`](super::HEADER_BYTES_KEPT).
    pub header: Box<[u8]>,
    /// Absent while it is open.
    pub closing: Option<Closing>,
}

/// A record that is on disk.
#[derive(Debug, Clone)]
pub struct KeptRecord {
    pub sequence: Sequence,
    pub stream: Stream,
    pub account: Arc<[u8]>,
    pub received_at: Timestamp,
    position: Position,
    stamp: u64,
    file: Arc<dyn JournalFile>,
}

impl KeptRecord {
    pub(super) fn new(
        sequence: Sequence,
        entry: &Entry,
        file: &Arc<dyn JournalFile>,
        identity: Identity,
    ) -> Self {
        Self {
            sequence,
            stream: entry.stream,
            account: Arc::clone(&entry.account),
            received_at: entry.received_at,
            position: entry.position,
            stamp: identity.stamp(entry.position.epoch),
            file: Arc::clone(file),
        }
    }

    /// Checked again while it is read.
    pub fn read(&self) -> Result<Record, ReadError> {
        let bytes = read_up_to(&*self.file, self.position.offset, self.position.length)?;
        let frame = Frame::parse(&bytes, self.stamp).filter(|frame| frame.sequence == self.sequence.0);
        frame.and_then(|frame| frame.record()).ok_or(ReadError::Damaged)
    }
}

impl Recovery {
    pub(super) fn new(
        ledger: &Ledger,
        mut headers: HashMap<u64, Box<[u8]>>,
        segments: &VecDeque<Segment>,
        identity: Identity,
        counts: RecoveryCounts,
    ) -> Self {
        let files: HashMap<_, _> = segments.iter().map(|segment| (segment.epoch, &segment.file)).collect();
        let mut sealed: BTreeMap<BatchNumber, Vec<KeptRecord>> = BTreeMap::new();
        let (mut unsealed, mut history) = (Vec::new(), Vec::new());
        for (sequence, entry) in ledger.all_records() {
            history.push(past(sequence, entry, headers.remove(&sequence.0)));
            let Some(file) = files.get(&entry.position.epoch) else { continue };
            let record = KeptRecord::new(sequence, entry, file, identity);
            match entry.state {
                State::Sealed(number) => sealed.entry(number).or_default().push(record),
                State::Unsealed => unsealed.push(record),
                State::Closed(_) => {}
            }
        }
        let sealed = sealed.into_iter().filter_map(|(number, records)| batch(number, records)).collect();
        Self { journal: identity.id, sealed, unsealed, history, counts }
    }
}

fn past(sequence: Sequence, entry: &Entry, header: Option<Box<[u8]>>) -> PastRecord {
    PastRecord {
        sequence,
        stream: entry.stream,
        account: Arc::clone(&entry.account),
        received_at: entry.received_at,
        header: header.unwrap_or_default(),
        closing: match entry.state {
            State::Closed(closing) => Some(closing),
            State::Unsealed | State::Sealed(_) => None,
        },
    }
}

fn batch(number: BatchNumber, records: Vec<KeptRecord>) -> Option<SealedBatch> {
    let (first, last) = (records.first()?, records.last()?);
    let range = BatchRange { stream: first.stream, first: first.sequence, last: last.sequence };
    Some(SealedBatch { number, range, records })
}
