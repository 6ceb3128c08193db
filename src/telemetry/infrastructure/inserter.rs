//! Brings sealed batches into the store: the same rows with the same token until there is a definite answer, then
//! publishes what became visible, then tells those who wait.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use crossbeam_channel::Receiver;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::{Insert, Store, StoreError, StoreErrorKind};
use crate::platform::event_bus::EventBus;
use crate::shared::{DomainEvent, MetricsIngested, NumberColumns};
use crate::telemetry::application::{AcceptedMetrics, IngestCounters, MemoryHold, NewSeries, StoredSignal};

use super::batcher::SealedBatch;
use super::blocks::{self, SAMPLES_TABLE, SERIES_TABLE};
use super::catalogue::Catalogue;

/// First and longest pause between attempts.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What an inserter works with.
#[derive(Debug, Clone)]
pub struct Inserter {
    pub store: Arc<dyn Store>,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub counters: IngestCounters,
    /// Names this run of the process, so that its batch numbers are unique.
    pub run: Arc<str>,
    /// Cancelled when there is no more time to try again.
    pub give_up: CancellationToken,
}

impl Inserter {
    /// Takes batches until the batcher has ended and none is left.
    pub fn run(&self, sealed: &Receiver<SealedBatch>) {
        while let Ok(batch) = sealed.recv() {
            self.store_batch(batch);
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
                // The requests are answered as not stored by dropping their signals.
                tracing::error!(batch = number, points, %error, "the store refused a batch for good");
                self.counters.batch_failed(points);
                self.catalogue.forget_all();
            }
        }
    }

    /// Series first: a point is never visible without its series.
    fn insert_tables(&self, number: u64, parts: &Parts) -> Result<(), StoreError> {
        if !parts.series.is_empty() {
            let block = blocks::series(&parts.series).map_err(|error| unbuildable(&error))?;
            self.insert_until_answered(number, SERIES_TABLE, &block)?;
        }
        if parts.points() > 0 {
            let block = blocks::samples(&parts.columns).map_err(|error| unbuildable(&error))?;
            self.insert_until_answered(number, SAMPLES_TABLE, &block)?;
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
        let mut pause = RETRY_FIRST;
        loop {
            match self.store.insert(&Insert { table, token: &token, batch }) {
                Ok(()) => return Ok(()),
                Err(error) if error.is_transient() && !self.give_up.is_cancelled() => {
                    tracing::warn!(batch = number, table, %error, retry_ms = pause.as_millis(), "an insert failed and is tried again");
                    self.counters.insert_retried();
                    std::thread::park_timeout(pause);
                    pause = (pause * 2).min(RETRY_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The event first: caches must know of the new points before a sender may believe that they can be read.
    fn publish(&self, parts: Parts) {
        let Parts { columns, signals, memory, .. } = parts;
        self.bus.publish(DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns })));
        drop(memory);
        signals.into_iter().for_each(StoredSignal::stored);
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
    signals: Vec<StoredSignal>,
    memory: Vec<MemoryHold>,
}

impl Parts {
    fn points(&self) -> usize {
        self.columns.iter().map(NumberColumns::len).sum()
    }
}

impl From<Vec<AcceptedMetrics>> for Parts {
    fn from(requests: Vec<AcceptedMetrics>) -> Self {
        let mut parts = Self::default();
        for AcceptedMetrics { columns, new_series, memory, stored } in requests {
            parts.columns.push(columns);
            parts.series.extend(new_series);
            parts.signals.push(stored);
            parts.memory.push(memory);
        }
        parts
    }
}
