//! What the journal's errors mean to those who send.

use crate::platform::journal::AppendError;
use crate::telemetry::application::SinkRefusal;

impl From<AppendError> for SinkRefusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::JournalFull,
            AppendError::NoSpace => Self::NoSpace,
            // A body is never longer than a record may be; see the bootstrap.
            AppendError::Busy | AppendError::TooLarge => Self::Busy,
            AppendError::Failed | AppendError::Uncertain => Self::JournalFailed,
            AppendError::Closed => Self::Closed,
        }
    }
}
