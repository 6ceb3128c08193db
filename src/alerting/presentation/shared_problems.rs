//! Problems that several routes of alerting answer with.

use std::time::Duration;

use crate::alerting::application::ledger::LedgerError;
use crate::platform::http::Problem;

/// When a client may come again.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The state database cannot be used, or holds what cannot be read.
pub fn unavailable(error: &LedgerError) -> Problem {
    tracing::error!(%error, "the state database did not answer");
    match error {
        LedgerError::Unavailable(_) => {
            Problem::unavailable("the state database cannot be used just now", RETRY_AFTER)
        }
        LedgerError::Unreadable(_) => Problem::internal(),
    }
}

/// The evaluator has gone.
pub fn stopped() -> Problem {
    Problem::unavailable("the server is about to stop", RETRY_AFTER)
}
