//! The journal: what was accepted is on disk before it is acknowledged, and comes back after a crash, in order, once.
//!
//! Callers append records, seal ranges of them as batches, and mark batches as stored; see `docs/journal-format.md` for
//! the bytes. The journal knows no business words: a record has a stream, an account whose room it takes, a header that
//! only the caller reads, and a payload.
//!
//! * **Acknowledged** means: a record's answer was a sequence number. Such a record comes back at every start until its
//!   batch is closed; one whose answer was an error does not, except after [`AppendError::Uncertain`].
//! * **Damage never stops a start.** It is counted ([`RecoveryCounts`]) and copied into quarantine; no damaged record
//!   is ever given back.
//! * **Segments are released oldest first**, so a batch that cannot be stored holds on to everything behind it.

mod bytes;
pub mod collector;
mod committer;
mod depot;
mod disk;
mod disk_view;
mod error;
mod file_system;
mod filling;
mod frame;
mod gaps;
mod handle;
mod inbox;
mod inspect;
mod inventory;
mod ledger;
mod metrics;
mod options;
mod packing;
mod record;
mod recover;
mod recovery;
mod scan;
mod segment;
mod survey;
mod ticket;
mod writer;

#[cfg(test)]
mod tests;

pub use disk::Disk;
pub use disk_view::DiskView;
pub use error::{AppendError, OpenError, ReadError};
pub use file_system::{FileSystem, JournalFile, QUARANTINE, read_file, write_file};
pub use handle::{Journal, Usage};
pub use inspect::{
    Files, Flaw, InspectError, InspectedSegment, Inspection, Missing, OpenRecord, RecordCounts, inspect,
};
pub use ledger::Closing;
pub use metrics::{Measures, RecoveryCounts, SYNC_BUCKETS_MS, SyncTimes};
pub use options::{FRAME_BYTES_MAX, HEADER_BYTES_KEPT, Options, OptionsError, SEGMENT_BYTES_MAX};
pub use record::{ACCOUNT_BYTES_MAX, BatchNumber, BatchRange, Outcome, Payload, Record, Sequence, Stream};
pub use recovery::{KeptRecord, PastRecord, Recovery, SealedBatch};
pub use segment::{FORMAT_VERSION, JournalId};
pub use ticket::{Ticket, Written};
