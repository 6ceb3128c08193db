//! `Journal`: what the rest of the program holds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::platform::lifecycle::Lifecycle;

use super::committer::{Committer, Request, Shown};
use super::error::{AppendError, OpenError};
use super::file_system::FileSystem;
use super::frame::Draft;
use super::inbox::{GroupLimits, Inbox, inbox};
use super::metrics::Measures;
use super::options::Options;
use super::record::{BatchNumber, BatchRange, Mark, Outcome, Record, Sequence};
use super::recover::recover;
use super::recovery::Recovery;
use super::segment::{Identity, JournalId};
use super::ticket::{Then, Ticket, Written, batch_number};

/// A journal that is open. Any thread may append; dropping it waits until what was handed over is written.
pub struct Journal {
    requests: Option<Inbox>,
    shown: Arc<Mutex<Shown>>,
    record_bytes_max: u32,
    release_floor: Arc<AtomicU64>,
    committer: Option<JoinHandle<()>>,
    _lock: Box<dyn std::any::Any + Send + Sync>,
}

/// How full the journal is, and how much of that one account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Segments in use, in bytes of disk.
    pub bytes: u64,
    pub bytes_max: u64,
    /// Bytes of records that are not stored: of all accounts ...
    pub record_bytes: u64,
    /// ... and of this one.
    pub account_bytes: u64,
    /// Accounts that hold any.
    pub accounts: usize,
    /// As in [`Measures`].
    pub is_full: bool,
    /// As in [`Measures`].
    pub is_failed: bool,
}

impl Journal {
    /// Reads what is there, then starts the committer. Blocks for as long as reading takes.
    pub fn open(
        options: Options,
        fs: &Arc<dyn FileSystem>,
        lifecycle: &Lifecycle,
    ) -> Result<(Self, Recovery), OpenError> {
        options.check()?;
        let lock = fs.lock().map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::Io(error),
        })?;
        let (mut writer, recovery) = recover(options, fs, new_identity()?)?;
        writer.fill_aside(lifecycle)?;
        let bytes_max = options.group_bytes_max as u64;
        let (requests, groups) = inbox(GroupLimits { bytes_max, records_max: options.queue_records_max });
        let release_floor = Arc::new(AtomicU64::new(if options.holds_segments { 0 } else { u64::MAX }));
        let committer = Committer::new(options, writer, groups, Arc::clone(&release_floor), recovery.counts);
        let shown = Arc::clone(&committer.shown);
        let committer = Some(lifecycle.thread("journal", move || committer.run())?);
        let record_bytes_max = options.record_bytes_max;
        let journal =
            Self { requests: Some(requests), shown, record_bytes_max, release_floor, committer, _lock: lock };
        Ok((journal, recovery))
    }

    /// Hands a record to the committer without waiting for room. Packs its payload on this thread.
    ///
    /// `then` runs on the committer's thread once the record is on disk or was refused: in the journal's order, also
    /// with what [`Self::close_then`] was given, so it must not wait for anything.
    pub fn append_then(
        &self,
        record: Record,
        then: impl FnOnce(Result<Written, AppendError>) + Send + 'static,
    ) -> Result<(), AppendError> {
        let length = record.account.len() + record.header.len() + record.payload.bytes().len();
        if u32::try_from(length).is_ok_and(|length| length <= self.record_bytes_max) {
            let draft = Draft::of_record(record).map_err(|_| AppendError::TooLarge)?;
            return self.hand_over(draft, Then::Record(Box::new(then)));
        }
        Err(AppendError::TooLarge)
    }

    /// The same for a thread that waits.
    pub fn append(&self, record: Record) -> Result<Ticket<Sequence>, AppendError> {
        let (answer, receiver) = oneshot::channel();
        self.append_then(record, |written| {
            // Whoever asked may have left.
            let _ = answer.send(written.map(|written| written.sequence));
        })?;
        Ok(Ticket { answer: receiver, read: |sequence| sequence })
    }

    /// Makes the range a batch. No insert may be tried before the answer. Sealing records again moves them to the new
    /// batch.
    pub fn seal(&self, range: BatchRange) -> Result<Ticket<BatchNumber>, AppendError> {
        let (answer, receiver) = oneshot::channel();
        let then = move |sealed| _ = answer.send(sealed);
        self.hand_over(Draft::of_mark(Mark::Seal(range)), Then::Mark(Box::new(then)))?;
        Ok(Ticket { answer: receiver, read: batch_number })
    }

    /// The batch is in the store, or in a dead-letter folder: its records are not needed any more. `then` as for
    /// [`Self::append_then`].
    pub fn close_then(
        &self,
        outcome: Outcome,
        batch: BatchNumber,
        range: BatchRange,
        then: impl FnOnce(Result<Sequence, AppendError>) + Send + 'static,
    ) -> Result<(), AppendError> {
        let draft = Draft::of_mark(Mark::Closed(outcome, batch, range));
        self.hand_over(draft, Then::Mark(Box::new(then)))
    }

    /// [`Outcome::Stored`], for a thread that waits.
    pub fn stored(&self, batch: BatchNumber, range: BatchRange) -> Result<Ticket<Sequence>, AppendError> {
        let (answer, receiver) = oneshot::channel();
        self.close_then(Outcome::Stored, batch, range, |stored| _ = answer.send(stored))?;
        Ok(Ticket { answer: receiver, read: |sequence| sequence })
    }

    /// Waits until everything that was handed over before is on disk or refused, and what follows from it has run.
    pub fn flush(&self) -> Result<(), AppendError> {
        let (answer, receiver) = oneshot::channel();
        let then = move |written| _ = answer.send(written);
        // A mark that says nothing.
        self.hand_over(Draft::of_mark(Mark::Released(Sequence(0))), Then::Mark(Box::new(then)))?;
        receiver.blocking_recv().unwrap_or(Err(AppendError::Closed)).map(|_| ())
    }

    /// Segments may be released below this sequence number, see [`Options::holds_segments`]. It never goes back. What that
    /// frees is free with the next group; [`Self::flush`] makes one.
    pub fn allow_release(&self, below: u64) {
        self.release_floor.fetch_max(below, Ordering::Relaxed);
    }

    fn hand_over(&self, draft: Draft, then: Then) -> Result<(), AppendError> {
        let Some(requests) = &self.requests else { return Err(AppendError::Closed) };
        requests.put(Request { draft, then })
    }

    /// As of the last group.
    pub fn measures(&self) -> Measures {
        self.shown.lock().measures
    }

    /// As of the last group.
    pub fn usage(&self, account: &[u8]) -> Usage {
        let shown = self.shown.lock();
        Usage {
            bytes: shown.measures.live_bytes,
            bytes_max: shown.measures.bytes_max,
            record_bytes: shown.measures.record_bytes,
            account_bytes: shown.accounts.get(account).copied().unwrap_or(0),
            accounts: shown.accounts.len(),
            is_full: shown.measures.is_full,
            is_failed: shown.measures.is_failed,
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(committer) = self.committer.take() {
            // That it panicked is the lifecycle's to tell.
            let _ = committer.join();
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("measures", &self.measures()).finish_non_exhaustive()
    }
}

fn new_identity() -> Result<Identity, OpenError> {
    let (mut id, mut key) = ([0; 8], [0; 16]);
    getrandom::fill(&mut id).map_err(|_| OpenError::Randomness)?;
    getrandom::fill(&mut key).map_err(|_| OpenError::Randomness)?;
    Ok(Identity { id: JournalId(u64::from_le_bytes(id)), key })
}
