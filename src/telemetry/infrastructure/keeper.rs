//! The keeper: writes down what the ledger and the resent window know whenever segments of the journal wait for that,
//! and lets them go.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::platform::journal::Journal;
use crate::shared::Clock;
use crate::telemetry::application::Ledger;
use crate::telemetry::application::ledger::LedgerCopy;

use super::checkpoint::CheckpointFiles;
use super::closing::Closer;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(200);

pub struct Keeper {
    pub files: CheckpointFiles,
    pub journal: Arc<Journal>,
    pub ledger: Arc<Ledger>,
    pub closer: Closer,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Until the other end of `stop` is gone; then once more.
    pub fn run(mut self, stop: &Receiver<()>) {
        while stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            let measures = self.journal.measures();
            if measures.held_segments > 0 {
                self.keep();
            }
            self.closer.try_again();
            // What was allowed to be released is released with the next group, and nobody may be sending.
            if (measures.held_segments > 0 || measures.is_full) && !measures.is_failed {
                let _ = self.journal.flush();
            }
        }
        self.closer.try_again();
        // Fails only where nothing can be written any more.
        let _ = self.journal.flush();
        self.keep();
    }

    fn keep(&mut self) {
        let copy = self.ledger.copy();
        if let Err(error) = self.files.write(&copy, self.clock.now()) {
            tracing::warn!(%error, "the ledger cannot be written; the journal keeps its segments");
            let LedgerCopy { bodies, .. } = copy;
            return self.ledger.take_back(bodies);
        }
        self.journal.allow_release(copy.next.0);
    }
}
