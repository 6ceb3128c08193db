//! What callers put into the journal: records, whose words only the caller understands, and marks about them.

use std::fmt;

use bytes::Bytes;

use crate::shared::Timestamp;

/// The place of a record or mark in the journal's order. Dense, never given twice once it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub(super) u64);

impl Sequence {
    pub fn get(self) -> u64 {
        self.0
    }
}

/// One of up to 256 sorts of records that are batched apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u8);

/// A sealed batch: the sequence number of its seal, so that no two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchNumber(pub(super) u64);

impl BatchNumber {
    pub fn get(self) -> u64 {
        self.0
    }
}

/// All records of `stream` from `first` to `last`, both included, that are not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchRange {
    pub stream: Stream,
    pub first: Sequence,
    pub last: Sequence,
}

/// Longest account, in bytes.
pub const ACCOUNT_BYTES_MAX: usize = 255;

/// One accepted request.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub stream: Stream,
    /// Whose room it takes: 0 to 255 bytes.
    pub account: Vec<u8>,
    pub received_at: Timestamp,
    /// The caller's own words about the payload; never compressed.
    pub header: Vec<u8>,
    pub payload: Payload,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.payload.bytes().len();
        f.debug_struct("Record")
            .field("stream", &self.stream)
            .field("payload_bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// The body, and whether packing it is worth trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Written as LZ4 where that is smaller. Read back as it was.
    Plain(Bytes),
    /// Compressed already; written as it is.
    Packed(Bytes),
}

impl Payload {
    pub fn bytes(&self) -> &[u8] {
        let (Self::Plain(bytes) | Self::Packed(bytes)) = self;
        bytes
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the store.
    Stored,
    /// The store refused it for good; it lies where people can look at it.
    DeadLettered,
}

/// What the journal writes about records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// From now on the range is the batch whose number is this mark's sequence.
    Seal(BatchRange),
    /// The batch is done with. Repeats its range, so that a lost seal brings nothing back.
    Closed(Outcome, BatchNumber, BatchRange),
    /// Everything below is released.
    Released(Sequence),
    /// These were found missing at a start, and counted then; both included.
    Gap(Sequence, Sequence),
}
