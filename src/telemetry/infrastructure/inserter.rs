//! Brings sealed batches into the store: the same rows with the same token until there is a definite answer, then
//! publishes what became visible, tells those who wait, and lets the journal forget.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::platform::clickhouse::{Insert, StoreError, StoreErrorKind};
use crate::platform::event_bus::EventBus;
use crate::platform::journal::{JournalId, Outcome};
use crate::telemetry::application::ledger::{Settled, Settlement};
use crate::telemetry::application::{Ledger, Pending, Replay};

use super::batch_rows::BatchRows;
use super::batcher::{BatchName, SealedBatch};
use super::blocks::SERIES_TABLE;
use super::catalogue::Catalogue;
use super::closing::Closer;
use super::entry::{Entry, HeldMemory};
use super::in_transit::InTransit;
use super::insertion::{History, InsertError, Insertion};
use super::loading::load;
use super::poison::LetterDesk;

/// What all inserters share.
pub struct InserterParts {
    pub insertion: Insertion,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub ledger: Arc<Ledger>,
    pub in_transit: Arc<InTransit>,
    /// The journal, where there is one: with it, or with this run of the process, batch numbers are unique.
    pub journal_id: Option<JournalId>,
    pub closer: Closer,
    /// Absent where nothing is journaled: what is refused then is lost.
    pub desk: Option<LetterDesk>,
    /// Makes what reads requests back; once per thread.
    pub make_replay: Arc<dyn Fn() -> Box<dyn Replay> + Send + Sync>,
}

impl fmt::Debug for InserterParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InserterParts").field("journal_id", &self.journal_id).finish_non_exhaustive()
    }
}

/// One thread's.
pub struct Inserter {
    parts: Arc<InserterParts>,
    replay: Option<Box<dyn Replay>>,
}

impl fmt::Debug for Inserter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inserter").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Inserter {
    pub fn new(parts: Arc<InserterParts>) -> Self {
        Self { parts, replay: None }
    }

    /// Takes batches until the batcher has ended and none is left. A panic costs its own batch only.
    pub fn run(mut self, sealed: &Receiver<SealedBatch>) {
        while let Ok(batch) = sealed.recv() {
            let number = batch.name.number();
            if catch_unwind(AssertUnwindSafe(|| self.store_batch(batch))).is_err() {
                self.replay = None;
                tracing::error!(batch = number, "an inserter panicked; its batch is stored after a restart");
            }
        }
    }

    fn store_batch(&mut self, batch: SealedBatch) {
        let SealedBatch { name, history, mut entries } = batch;
        // What is read back from the journal was not on its way before.
        let _transit = self.parts.in_transit.enter();
        let (rows, held, lost) = self.load(&mut entries);
        match self.parts.insert_rows(name, history, &rows) {
            Ok(()) => self.parts.conclude(name, rows, entries, lost),
            Err(InsertError::GivenUp) => {
                tracing::warn!(batch = name.number(), "a batch is not stored before the process ends");
            }
            Err(InsertError::Refused(error)) => {
                drop((rows, held));
                let requests = entries.len();
                tracing::warn!(batch = name.number(), requests, %error, "the store refuses a batch");
                self.divide((name, history), entries, &error);
                // Closes what is in neither half, because it could not be read.
                if !lost.is_empty() {
                    self.parts.closer.close(name, Outcome::Stored, Vec::new(), lost);
                }
            }
        }
    }

    /// Down to the request that is to blame. Requests that have just been read are read again: this is rare.
    fn divide(&mut self, (name, history): (BatchName, History), mut entries: Vec<Entry>, error: &StoreError) {
        let parts = Arc::clone(&self.parts);
        let (Some(desk), BatchName::Journaled(..)) = (&parts.desk, name) else {
            let items: usize = entries.iter().map(|entry| entry.items).sum();
            tracing::error!(items, %error, "the store refuses items that are in no journal: they are lost");
            return parts.ledger.settle(None, Settlement::Lost, &settled(&entries));
        };
        if entries.len() > 1 {
            desk.split(entries, history, &parts.insertion)
                .into_iter()
                .for_each(|half| self.store_batch(half));
        } else if let Some(entry) = entries.pop() {
            desk.set_aside((name, &parts.token_begin(name)), entry, error, &parts);
        }
    }

    fn load(&mut self, entries: &mut Vec<Entry>) -> (BatchRows, Vec<HeldMemory>, Vec<Settled>) {
        let make_replay = &self.parts.make_replay;
        let replay = &mut self.replay;
        let loaded = load(entries, &mut |body| replay.get_or_insert_with(|| make_replay()).replay(body));
        if !loaded.lost.is_empty() {
            let items: usize = loaded.lost.iter().map(|entry| entry.items).sum();
            tracing::error!(items, "acknowledged items cannot be read back from the journal and are lost");
        }
        (loaded.rows, loaded.held, settled(&loaded.lost))
    }
}

impl InserterParts {
    /// What the tokens of a batch have in common.
    fn token_begin(&self, name: BatchName) -> String {
        match (name, self.journal_id) {
            (BatchName::Journaled(number, _), Some(journal)) => {
                format!("v1/{:016x}/{}", journal.get(), number.get())
            }
            _ => format!("v1/{}/{}", self.insertion.run, name.number()),
        }
    }

    /// In the order of the blocks. That a series is known may be relied upon once its row is stored.
    fn insert_rows(&self, name: BatchName, history: History, rows: &BatchRows) -> Result<(), InsertError> {
        let unwritable = |error: arrow_schema::ArrowError| {
            InsertError::Refused(StoreError::new(StoreErrorKind::Refused, error.to_string()))
        };
        for (table, batch) in &rows.blocks().map_err(unwritable)? {
            let token = format!("{}/{table}", self.token_begin(name));
            self.insertion.insert(&Insert { table, token: &token, batch }, history)?;
            if *table == SERIES_TABLE {
                self.catalogue.rows_stored(rows.new_series());
            }
        }
        Ok(())
    }

    /// The events first: caches must know of new rows before a sender may believe that they can be read.
    fn conclude(&self, name: BatchName, rows: BatchRows, entries: Vec<Entry>, lost: Vec<Settled>) {
        self.insertion.counters.batch_stored();
        rows.into_events().for_each(|event| self.bus.publish(event));
        let settled = settled(&entries);
        entries.into_iter().map(|entry| entry.pending).for_each(Pending::stored);
        self.closer.close(name, Outcome::Stored, settled, lost);
    }
}

/// The items of these requests, by tenant and signal.
pub fn settled(entries: &[Entry]) -> Vec<Settled> {
    let mut all: Vec<Settled> = Vec::new();
    for entry in entries {
        let key = (entry.tenant.clone(), entry.signal);
        match all.iter_mut().find(|settled| settled.key == key) {
            Some(settled) => settled.items += entry.items as u64,
            None => all.push(Settled { key, items: entry.items as u64 }),
        }
    }
    all
}
