//! The answer to something that was handed to the committer: it comes when it is on disk, or not at all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::oneshot;

use super::error::AppendError;
use super::record::{BatchNumber, Sequence};

pub(super) type Answer = Result<Sequence, AppendError>;

const WAITING: u8 = 0;
const ANSWERED: u8 = 1;
const ABANDONED: u8 = 2;

/// Whether a record was acknowledged or given up: whichever comes first.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate(Arc<AtomicU8>);

impl Fate {
    /// False if it was given up before.
    pub(super) fn answer(&self) -> bool {
        self.settle(ANSWERED)
    }

    /// False if it was acknowledged before.
    fn abandon(&self) -> bool {
        self.settle(ABANDONED)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == ABANDONED
    }

    fn settle(&self, outcome: u8) -> bool {
        let settled = self.0.compare_exchange(WAITING, outcome, Ordering::AcqRel, Ordering::Acquire);
        settled.is_ok_and(|_| true) || settled == Err(outcome)
    }
}

/// A record on its way. Dropping it changes nothing: the record is written all the same.
#[derive(Debug)]
pub struct Ticket {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) fate: Fate,
}

impl Ticket {
    /// Gives the record up, for a request that is answered as failed. True if it was in time: then the record is never
    /// acknowledged, and as soon as [`Self::written`] gives [`AppendError::Abandoned`] it never comes back after a
    /// restart either. False if it is acknowledged: then it stays.
    #[must_use]
    pub fn abandon(&self) -> bool {
        self.fate.abandon()
    }

    /// The record is on disk.
    pub async fn written(self) -> Result<Sequence, AppendError> {
        self.answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// The same for a thread outside the runtime.
    pub fn wait(self) -> Result<Sequence, AppendError> {
        self.answer.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

/// A mark on its way: a seal gives its [`BatchNumber`], others nothing.
pub struct Marking<T> {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) read: fn(Sequence) -> T,
}

impl<T> Marking<T> {
    /// The mark is on disk.
    pub async fn written(self) -> Result<T, AppendError> {
        self.answer.await.unwrap_or(Err(AppendError::Closed)).map(self.read)
    }

    /// The same for a thread outside the runtime.
    pub fn wait(self) -> Result<T, AppendError> {
        self.answer.blocking_recv().unwrap_or(Err(AppendError::Closed)).map(self.read)
    }
}

impl<T> fmt::Debug for Marking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marking").finish_non_exhaustive()
    }
}

pub(super) fn batch_number(seal: Sequence) -> BatchNumber {
    BatchNumber(seal.0)
}
