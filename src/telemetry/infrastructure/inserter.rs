//! Brings sealed batches into the store: the same rows with the same token until there is a definite answer, then
//! publishes what became visible, then tells those who wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::{Insert, Store, StoreError, StoreErrorKind};
use crate::platform::event_bus::EventBus;
use crate::shared::{DomainEvent, MetricsIngested, NumberColumns};
use crate::telemetry::application::{AcceptedMetrics, IngestCounters, NewSeries, Pending};

use super::batcher::SealedBatch;
use super::blocks::{self, SAMPLES_TABLE, SERIES_TABLE};
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
            let points = batch.requests.iter().map(|request| request.columns.len()).sum();
            if catch_unwind(AssertUnwindSafe(|| self.store_batch(batch))).is_err() {
                tracing::error!(points, "an inserter panicked; its batch is answered as not stored");
                self.counters.batch_failed(points);
            }
        }
    }

    fn store_batch(&self, batch: SealedBatch) {
        let SealedBatch { number, requests } = batch;
        let parts = Parts::from(requests);
        let points = parts.points();
        match self.insert_tables(number, &parts) {
            Ok(()) => {
                self.counters.batch_stored(points);
                self.publish(parts);
            }
            Err(error) => {
                // The requests are answered as not stored by dropping what they wait for.
                tracing::error!(batch = number, points, %error, "the store refused a batch");
                self.counters.batch_failed(points);
            }
        }
    }

    /// Series first: a point is never visible without its series. Only then may others rely on these rows.
    fn insert_tables(&self, number: u64, parts: &Parts) -> Result<(), StoreError> {
        if !parts.series.is_empty() {
            let block = blocks::series(&parts.series).map_err(|error| unbuildable(&error))?;
            self.insert_until_answered(number, SERIES_TABLE, &block)?;
            self.catalogue.rows_stored(&parts.series);
        }
        let block = blocks::samples(&parts.columns).map_err(|error| unbuildable(&error))?;
        self.insert_until_answered(number, SAMPLES_TABLE, &block)
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

    /// The event first: caches must know of the new points before a sender may believe that they can be read.
    fn publish(&self, parts: Parts) {
        let Parts { columns, pending, .. } = parts;
        self.bus.publish(DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns })));
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

fn unbuildable(error: &ArrowError) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, error.to_string())
}

/// A batch by what becomes of it.
#[derive(Debug, Default)]
struct Parts {
    columns: Vec<NumberColumns>,
    series: Vec<NewSeries>,
    pending: Vec<Pending>,
}

impl Parts {
    fn points(&self) -> usize {
        self.columns.iter().map(NumberColumns::len).sum()
    }
}

impl From<Vec<AcceptedMetrics>> for Parts {
    fn from(requests: Vec<AcceptedMetrics>) -> Self {
        let mut parts = Self::default();
        for AcceptedMetrics { columns, new_series, pending } in requests {
            parts.columns.push(columns);
            parts.series.extend(new_series);
            parts.pending.push(pending);
        }
        parts
    }
}
