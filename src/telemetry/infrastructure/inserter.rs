//! Brings sealed batches into the store: the same rows with the same token until there is a definite answer, then
//! publishes what became visible, tells those who wait, and lets the journal forget.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::{Insert, Store, StoreError, StoreErrorKind};
use crate::platform::event_bus::EventBus;
use crate::platform::journal::Outcome;
use crate::telemetry::application::ledger::{Settled, Settlement};
use crate::telemetry::application::{IngestCounters, Ledger, Pending, Replay};

use super::batch_rows::BatchRows;
use super::batcher::{BatchName, SealedBatch};
use super::blocks::SERIES_TABLE;
use super::catalogue::Catalogue;
use super::closing::Closer;
use super::entry::{Entry, HeldMemory};
use super::loading::load;
use super::stall::Stall;

/// First and longest pause between attempts.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What all inserters share.
pub struct InserterParts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub counters: IngestCounters,
    pub ledger: Arc<Ledger>,
    /// Begins every token: the journal, or this run of the process. With it batch numbers are unique.
    pub origin: Arc<str>,
    pub closer: Closer,
    /// Makes what reads requests back; once per thread.
    pub make_replay: Arc<dyn Fn() -> Box<dyn Replay> + Send + Sync>,
    pub stall: Arc<Stall>,
    /// Cancelled when there is no more time to try again.
    pub give_up: CancellationToken,
}

impl fmt::Debug for InserterParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InserterParts").field("origin", &self.origin).finish_non_exhaustive()
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

/// Why a batch is not in the store.
#[derive(Debug)]
enum InsertError {
    /// The process ends. The journal has it.
    GivenUp(StoreError),
    Refused(StoreError),
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
                tracing::error!(batch = number, "an inserter panicked; its batch is stored after a restart");
            }
        }
    }

    fn store_batch(&mut self, batch: SealedBatch) {
        let SealedBatch { name, mut entries } = batch;
        let (rows, held, lost) = self.load(&mut entries);
        match self.parts.insert_rows(name, &rows) {
            Ok(()) => self.parts.conclude(name, rows, entries, &lost),
            Err(InsertError::GivenUp(error)) => {
                tracing::warn!(batch = name.number(), %error, "a batch is not stored before the process ends");
            }
            Err(InsertError::Refused(error)) => {
                drop((rows, held));
                let items: usize = entries.iter().map(|entry| entry.items).sum();
                tracing::error!(batch = name.number(), items, %error, "the store refused a batch");
                self.parts.ledger.settle(None, Settlement::Lost, &settled(&entries));
            }
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
    /// In the order of the blocks. That a series is known may be relied upon once its row is stored.
    fn insert_rows(&self, name: BatchName, rows: &BatchRows) -> Result<(), InsertError> {
        let unwritable = |error: arrow_schema::ArrowError| {
            InsertError::Refused(StoreError::new(StoreErrorKind::Refused, error.to_string()))
        };
        for (table, block) in &rows.blocks().map_err(unwritable)? {
            self.insert_until_answered(name.number(), table, block)?;
            if *table == SERIES_TABLE {
                self.catalogue.rows_stored(rows.new_series());
            }
        }
        Ok(())
    }

    fn insert_until_answered(
        &self,
        number: u64,
        table: &'static str,
        batch: &RecordBatch,
    ) -> Result<(), InsertError> {
        let token = format!("v1/{}/{number}/{table}", self.origin);
        let started = Instant::now();
        let mut retrying = None;
        let mut pause = RETRY_FIRST;
        loop {
            let Err(error) = self.store.insert(&Insert { table, token: &token, batch }) else {
                return Ok(());
            };
            if is_final(&error) {
                return Err(InsertError::Refused(error));
            }
            if self.give_up.is_cancelled() {
                return Err(InsertError::GivenUp(error));
            }
            tracing::warn!(batch = number, table, %error, retry_ms = pause.as_millis(), "an insert failed and is tried again");
            self.counters.insert_retried();
            if started.elapsed() > Stall::AFTER {
                retrying.get_or_insert_with(|| self.stall.begin());
            }
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// The events first: caches must know of new rows before a sender may believe that they can be read.
    fn conclude(&self, name: BatchName, rows: BatchRows, entries: Vec<Entry>, lost: &[Settled]) {
        self.counters.batch_stored();
        rows.into_events().for_each(|event| self.bus.publish(event));
        let settled = settled(&entries);
        entries.into_iter().map(|entry| entry.pending).for_each(Pending::stored);
        self.closer.close(name, Outcome::Stored, settled, lost.to_vec());
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

/// What can pass is tried until it does.
fn is_final(error: &StoreError) -> bool {
    match error.kind {
        StoreErrorKind::Unavailable
        | StoreErrorKind::Unprepared
        | StoreErrorKind::Limit
        | StoreErrorKind::Unknown
        | StoreErrorKind::Answer => false,
        StoreErrorKind::Refused | StoreErrorKind::Value => true,
    }
}
