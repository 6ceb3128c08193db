//! What becomes of a batch that the store refuses for good: it is sealed anew in halves until the request that is to blame
//! stands alone, and that one is set aside as a dead letter.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::clickhouse::StoreError;
use crate::platform::journal::{Journal, JournalId, KeptRecord, Outcome};
use crate::shared::Clock;
use crate::telemetry::application::Pending;

use super::batcher::{BatchName, SealedBatch, range, seal};
use super::dead_letters::{About, DeadLetters, Letter, LetterId, Reason};
use super::entry::Entry;
use super::inserter::{InserterParts, settled};
use super::insertion::{History, InsertError, Insertion};
use super::loading::read;

/// How long a letter that cannot be written waits.
const WRITE_RETRY: Duration = Duration::from_secs(2);

/// Where dead letters go.
pub struct LetterDesk {
    pub journal: Arc<Journal>,
    pub id: JournalId,
    pub letters: Arc<DeadLetters>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for LetterDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LetterDesk").field("letters", &self.letters).finish_non_exhaustive()
    }
}

impl LetterDesk {
    /// The batch's requests in two batches. None where the process ends before they are sealed: the journal has them.
    pub fn split(&self, entries: Vec<Entry>, history: History, insertion: &Insertion) -> Vec<SealedBatch> {
        let mut first = entries;
        let second = first.split_off(first.len() / 2);
        let sealed = [first, second].into_iter().filter_map(|half| {
            let range = range(&half)?;
            let number = seal(&self.journal, range, &insertion.give_up)
                .inspect_err(|error| tracing::error!(%error, "half of a refused batch could not be sealed"))
                .ok()?;
            Some(SealedBatch { name: BatchName::Journaled(number, range), history, entries: half })
        });
        sealed.collect()
    }

    /// Sets the one request of a batch aside. Tries until it is on disk: until then the journal has it.
    pub fn set_aside(
        &self,
        (name, token): (BatchName, &str),
        entry: Entry,
        error: &StoreError,
        parts: &InserterParts,
    ) {
        if self.write(&entry, token, error, &parts.insertion).is_err() {
            return;
        }
        let settled = settled(std::slice::from_ref(&entry));
        Pending::dead_lettered(entry.pending);
        parts.closer.close(name, Outcome::DeadLettered, settled, Vec::new());
    }

    fn write(
        &self,
        entry: &Entry,
        token: &str,
        error: &StoreError,
        insertion: &Insertion,
    ) -> Result<(), InsertError> {
        let Some(letter) = entry.kept().and_then(|kept| self.letter(entry, kept, token, error)) else {
            return Err(InsertError::GivenUp);
        };
        let id = letter.about.id;
        loop {
            match self.letters.write(&letter) {
                Ok(_) => {
                    tracing::error!(
                        letter = %id,
                        tenant = %entry.tenant,
                        signal = entry.signal.name(),
                        items = entry.items,
                        %error,
                        "the store refuses a request for good; it is among the dead letters"
                    );
                    return Ok(());
                }
                Err(failed) => {
                    tracing::error!(letter = %id, error = %failed, "a dead letter cannot be written; the journal waits");
                    insertion.wait(WRITE_RETRY)?;
                }
            }
        }
    }

    fn letter(&self, entry: &Entry, kept: &KeptRecord, token: &str, error: &StoreError) -> Option<Letter> {
        let record = read(kept)?;
        let about = About {
            id: LetterId::new(self.id.get(), kept.sequence.get()),
            tenant: entry.tenant.clone(),
            signal: entry.signal,
            items: entry.items as u64,
            received_at: record.received_at,
            refused_at: self.clock.now(),
            reason: Reason::new(&error.to_string()),
            tokens: vec![token.to_owned()],
        };
        Some(Letter { about, header: record.header, payload: record.payload })
    }
}
