//! `Journal`: what the rest of the program holds.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::platform::lifecycle::Lifecycle;

use super::committer::{Committer, Request, Shown};
use super::error::{AppendError, OpenError};
use super::file_system::FileSystem;
use super::frame::Draft;
use super::metrics::Measures;
use super::options::Options;
use super::record::{BatchNumber, BatchRange, Mark, Record};
use super::recover::recover;
use super::recovery::Recovery;
use super::segment::{Identity, JournalId};
use super::ticket::{Fate, Marking, Ticket, batch_number};

/// A journal that is open. Any thread may append; dropping it waits until what was handed over is written.
pub struct Journal {
    requests: Option<Sender<Request>>,
    shown: Arc<Mutex<Shown>>,
    record_bytes_max: u32,
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
        let (writer, recovery) = recover(options, fs, new_identity()?)?;
        let (requests, queue) = bounded(options.queue_records_max);
        let committer = Committer::new(options, writer, queue, recovery.counts);
        let shown = Arc::clone(&committer.shown);
        let committer = Some(lifecycle.thread("journal", move || committer.run())?);
        let record_bytes_max = options.record_bytes_max;
        Ok((Self { requests: Some(requests), shown, record_bytes_max, committer, _lock: lock }, recovery))
    }

    /// Hands a record to the committer without waiting for room. Packs its payload on this thread.
    pub fn append(&self, record: Record) -> Result<Ticket, AppendError> {
        let length = record.account.len() + record.header.len() + record.payload.bytes().len();
        if u32::try_from(length).is_ok_and(|length| length <= self.record_bytes_max) {
            let draft = Draft::of_record(record).map_err(|_| AppendError::TooLarge)?;
            let (answer, fate) = self.hand_over(draft)?;
            return Ok(Ticket { answer, fate });
        }
        Err(AppendError::TooLarge)
    }

    /// Makes the range a batch. No insert may be tried before the answer. Sealing records again, before anything of
    /// their batch was inserted, moves them to the new batch.
    pub fn seal(&self, range: BatchRange) -> Result<Marking<BatchNumber>, AppendError> {
        let (answer, _) = self.hand_over(Draft::of_mark(Mark::Seal(range)))?;
        Ok(Marking { answer, read: batch_number })
    }

    /// The batch is in the store (or in a dead-letter folder): its records are not needed any more.
    pub fn stored(&self, batch: BatchNumber, range: BatchRange) -> Result<Marking<()>, AppendError> {
        let (answer, _) = self.hand_over(Draft::of_mark(Mark::Stored(batch, range)))?;
        Ok(Marking { answer, read: drop })
    }

    fn hand_over(
        &self,
        draft: Draft,
    ) -> Result<(oneshot::Receiver<super::ticket::Answer>, Fate), AppendError> {
        let (answer, receiver) = oneshot::channel();
        let fate = Fate::default();
        let request = Request { draft, answer, fate: fate.clone() };
        let Some(requests) = &self.requests else { return Err(AppendError::Closed) };
        requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => AppendError::Busy,
            TrySendError::Disconnected(_) => AppendError::Closed,
        })?;
        Ok((receiver, fate))
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
