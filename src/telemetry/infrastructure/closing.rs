//! `Closer`: tells the journal what became of a batch, and the ledger at the same place in the journal's order.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::platform::journal::{AppendError, BatchNumber, BatchRange, Journal, Outcome};
use crate::telemetry::application::Ledger;
use crate::telemetry::application::ledger::{Position, Settled, Settlement};

use super::batcher::BatchName;

/// Closes batches.
#[derive(Debug, Clone)]
pub struct Closer {
    journal: Option<Arc<Journal>>,
    ledger: Arc<Ledger>,
    /// What the journal did not take; [`Self::try_again`] brings it once more.
    unwritten: Arc<Mutex<Vec<Arc<Closing>>>>,
}

/// One batch that is done with.
#[derive(Debug)]
struct Closing {
    outcome: Outcome,
    number: BatchNumber,
    range: BatchRange,
    settled: Vec<Settled>,
    lost: Vec<Settled>,
}

impl Closer {
    pub fn new(journal: Option<Arc<Journal>>, ledger: Arc<Ledger>) -> Self {
        Self { journal, ledger, unwritten: Arc::default() }
    }

    /// `lost` are items of the batch that could not be read back. Until the mark is written the items count as in flight; if it
    /// never is, the batch comes again after a restart, under the same name, and the store knows it.
    pub fn close(&self, name: BatchName, outcome: Outcome, settled: Vec<Settled>, lost: Vec<Settled>) {
        let (Some(journal), BatchName::Journaled(number, range)) = (&self.journal, name) else {
            self.ledger.settle(None, settlement(outcome), &settled);
            return self.ledger.settle(None, Settlement::Lost, &lost);
        };
        self.write(journal, &Arc::new(Closing { outcome, number, range, settled, lost }));
    }

    /// Writes what could not be written before.
    pub fn try_again(&self) {
        let Some(journal) = &self.journal else { return };
        let unwritten = std::mem::take(&mut *self.unwritten.lock());
        unwritten.iter().for_each(|closing| self.write(journal, closing));
    }

    fn write(&self, journal: &Journal, closing: &Arc<Closing>) {
        let Closing { outcome, number, range, .. } = **closing;
        let (ledger, unwritten, written) =
            (Arc::clone(&self.ledger), Arc::clone(&self.unwritten), Arc::clone(closing));
        let handed_over = journal.close_then(outcome, number, range, move |mark| match mark {
            Ok(mark) => {
                let position = Some(Position(mark.get()));
                ledger.settle(position, settlement(outcome), &written.settled);
                ledger.settle(position, Settlement::Lost, &written.lost);
            }
            Err(error) => retry(error, &unwritten, &written),
        });
        if let Err(error) = handed_over {
            retry(error, &self.unwritten, closing);
        }
    }
}

fn retry(error: AppendError, unwritten: &Mutex<Vec<Arc<Closing>>>, closing: &Arc<Closing>) {
    if error.may_pass() {
        unwritten.lock().push(Arc::clone(closing));
    }
}

/// What an outcome means to the ledger.
pub fn settlement(outcome: Outcome) -> Settlement {
    match outcome {
        Outcome::Stored => Settlement::Stored,
        Outcome::DeadLettered => Settlement::DeadLettered,
    }
}
