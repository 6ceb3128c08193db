//! Why a journal does not open, take a record or give one back.

use std::io;

use super::options::OptionsError;

/// Damage is no reason not to open; only these are.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("the journal's directory is in use by another process")]
    InUse,
    /// Nothing was changed; the newer program can go on with it.
    #[error("{file} has format {version}, written by a newer version of this program: it is kept as it is")]
    NewerFormat { file: String, version: u32 },
    #[error("the journal's directory cannot be used")]
    Io(#[from] io::Error),
    #[error("the system gives no random numbers")]
    Randomness,
}

/// Why a record or mark was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("the journal holds as much as it may")]
    Full,
    #[error("the disk is full")]
    NoSpace,
    #[error("longer than a record may be")]
    TooLarge,
    #[error("too many records wait to be written")]
    Busy,
    #[error("the journal cannot write any more; see the log")]
    Failed,
    /// The one answer after which the record may yet come back when the process dies now.
    #[error("the disk failed while it was written")]
    Uncertain,
    #[error("the journal is closed")]
    Closed,
}

impl AppendError {
    /// Whether the same may be written later. A mark that was written twice counts once.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::Full | Self::NoSpace | Self::Busy | Self::Uncertain)
    }
}

/// Why a record cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the journal's file cannot be read")]
    Io(#[from] io::Error),
    #[error("the record was damaged after it had been found")]
    Damaged,
}
