//! `Closer`: tells the journal what became of a batch, and the ledger at the same place in the journal's order.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::journal::{AppendError, Journal, Outcome};
use crate::telemetry::application::Ledger;
use crate::telemetry::application::ledger::{Position, Settled, Settlement};

use super::batcher::BatchName;

/// How long a mark that finds no room in the journal's queue waits.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

/// Closes batches.
#[derive(Debug, Clone)]
pub struct Closer {
    pub journal: Option<Arc<Journal>>,
    pub ledger: Arc<Ledger>,
}

impl Closer {
    /// `lost` are items of the batch that could not be read back. Where the mark cannot be written, the batch comes again
    /// after a restart, under the same name, and the store knows it.
    pub fn close(&self, name: BatchName, outcome: Outcome, settled: Vec<Settled>, lost: Vec<Settled>) {
        let ledger = Arc::clone(&self.ledger);
        let settle = Arc::new(move |position: Option<Position>| {
            ledger.settle(position, settlement(outcome), &settled);
            ledger.settle(position, Settlement::Lost, &lost);
        });
        let (Some(journal), BatchName::Journaled(number, range)) = (&self.journal, name) else {
            return settle(None);
        };
        loop {
            let then = Arc::clone(&settle);
            let closed = journal.close_then(outcome, number, range, move |mark| {
                then(mark.ok().map(|mark| Position(mark.get())));
            });
            match closed {
                Ok(()) => return,
                Err(AppendError::Busy) => std::thread::park_timeout(QUEUE_RETRY),
                Err(_) => return settle(None),
            }
        }
    }
}

fn settlement(outcome: Outcome) -> Settlement {
    match outcome {
        Outcome::Stored => Settlement::Stored,
        Outcome::DeadLettered => Settlement::DeadLettered,
    }
}
