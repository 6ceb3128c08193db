//! The answer to something that was handed to the committer: it comes when it is on disk, or not at all.

use std::fmt;

use tokio::sync::oneshot;

use super::error::AppendError;
use super::record::{BatchNumber, Sequence};
use super::recovery::KeptRecord;

pub(super) type Answer = Result<Sequence, AppendError>;

/// A record that is on disk: its place in the order, and how to read it back.
#[derive(Debug)]
pub struct Written {
    pub sequence: Sequence,
    pub kept: KeptRecord,
}

/// What runs on the committer's thread when something is on disk or was refused; see [`Journal::append_then`].
///
/// [`Journal::append_then`]: super::Journal::append_then
pub(super) enum Then {
    Record(Box<dyn FnOnce(Result<Written, AppendError>) + Send>),
    Mark(Box<dyn FnOnce(Answer) + Send>),
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "Then::Record",
            Self::Mark(_) => "Then::Mark",
        })
    }
}

/// Something on its way. Dropping it changes nothing: it is written all the same. A record gives its [`Sequence`], a seal
/// its [`BatchNumber`].
pub struct Ticket<T> {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) read: fn(Sequence) -> T,
}

impl<T> Ticket<T> {
    /// Waits until it is on disk. For threads outside the runtime.
    pub fn wait(self) -> Result<T, AppendError> {
        self.answer.blocking_recv().unwrap_or(Err(AppendError::Closed)).map(self.read)
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

pub(super) fn batch_number(seal: Sequence) -> BatchNumber {
    BatchNumber(seal.0)
}
