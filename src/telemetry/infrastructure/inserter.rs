//! Brings sealed batches into the store: the same rows with the same token until there is a definite answer, then
//! publishes what became visible, then tells those who wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::{Insert, Store, StoreError, StoreErrorKind};
use crate::platform::event_bus::EventBus;
use crate::telemetry::application::{IngestCounters, Pending};

use super::batch_rows::BatchRows;
use super::batcher::SealedBatch;
use super::blocks::SERIES_TABLE;
use super::catalogue::Catalogue;
use super::stall::Stall;

/// First and longest pause between attempts.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Attempts where it is not certain that the failure can pass: about a minute and a half.
const DOUBTFUL_ATTEMPTS_MAX: u32 = 24;

/// What an inserter works with.
#[derive(Debug, Clone)]
pub struct Inserter {
    pub store: Arc<dyn Store>,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub counters: IngestCounters,
    /// Names this run of the process, so that its batch numbers are unique.
    pub run: Arc<str>,
    pub stall: Arc<Stall>,
    /// Cancelled when there is no more time to try again.
    pub give_up: CancellationToken,
}

impl Inserter {
    /// Takes batches until the batcher has ended and none is left. A panic costs its own batch only.
    pub fn run(&self, sealed: &Receiver<SealedBatch>) {
        while let Ok(batch) = sealed.recv() {
            let number = batch.number;
            if catch_unwind(AssertUnwindSafe(|| self.store_batch(batch))).is_err() {
                tracing::error!(batch = number, "an inserter panicked; its batch is answered as not stored");
            }
        }
    }

    fn store_batch(&self, batch: SealedBatch) {
        let SealedBatch { number, requests } = batch;
        let items: usize = requests.iter().map(|request| request.payload.items()).sum();
        let (rows, pending) = BatchRows::of(requests);
        match self.insert_rows(number, &rows) {
            Ok(()) => {
                self.counters.batch_stored();
                self.publish(rows, pending);
            }
            // The requests are answered as not stored by dropping what they wait for.
            Err(error) => tracing::error!(batch = number, items, %error, "the store refused a batch"),
        }
    }

    /// In the order of the blocks. That a series is known may be relied upon once its row is stored.
    fn insert_rows(&self, number: u64, rows: &BatchRows) -> Result<(), StoreError> {
        let blocks =
            rows.blocks().map_err(|error| StoreError::new(StoreErrorKind::Refused, error.to_string()))?;
        for (table, block) in &blocks {
            self.insert_until_answered(number, table, block)?;
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
    ) -> Result<(), StoreError> {
        let token = format!("v1/{}/{number}/{table}", self.run);
        let started = Instant::now();
        let mut retrying = None;
        let mut pause = RETRY_FIRST;
        for attempt in 1_u32.. {
            let Err(error) = self.store.insert(&Insert { table, token: &token, batch }) else { break };
            if self.give_up.is_cancelled() || is_final(&error, attempt) {
                return Err(error);
            }
            tracing::warn!(batch = number, table, %error, retry_ms = pause.as_millis(), "an insert failed and is tried again");
            self.counters.insert_retried();
            if started.elapsed() > Stall::AFTER {
                retrying.get_or_insert_with(|| self.stall.begin());
            }
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(RETRY_MAX);
        }
        Ok(())
    }

    /// The events first: caches must know of new rows before a sender may believe that they can be read.
    fn publish(&self, rows: BatchRows, pending: Vec<Pending>) {
        rows.into_events().for_each(|event| self.bus.publish(event));
        pending.into_iter().for_each(Pending::stored);
    }
}

/// What can pass is tried until it does. What may or may not is tried for a while: one batch must not hold up all.
fn is_final(error: &StoreError, attempt: u32) -> bool {
    match error.kind {
        StoreErrorKind::Unavailable => false,
        StoreErrorKind::Limit | StoreErrorKind::Unknown => attempt >= DOUBTFUL_ATTEMPTS_MAX,
        StoreErrorKind::Refused | StoreErrorKind::Value | StoreErrorKind::Answer => true,
    }
}
