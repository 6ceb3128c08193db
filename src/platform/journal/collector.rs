//! What the journal shows on `/metrics`, read off when somebody asks.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::shared::Clock;

use super::handle::Journal;
use super::metrics::{Measures, SYNC_BUCKETS_MS, SyncTimes};

/// Registers `journal_*`.
pub fn register(registry: &mut Registry, journal: Arc<Journal>, clock: Arc<dyn Clock>) {
    registry.register_collector(Box::new(JournalCollector { journal, clock }));
}

struct JournalCollector {
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for JournalCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalCollector").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Collector for JournalCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let measures = self.journal.measures();
        let age = measures.oldest.map_or(0.0, |oldest| self.clock.now().since(oldest).as_secs_f64());
        gauges(&measures, &mut encoder)?;
        let help = "Age of the oldest record that is not stored, in seconds";
        gauge(&mut encoder, "journal_oldest_age_seconds", help, age)?;
        counters(&measures, &mut encoder)?;
        let help = "Time of one fdatasync, in seconds";
        let metric = encoder.encode_descriptor("journal_sync_seconds", help, None, MetricType::Histogram)?;
        encode_syncs(&measures.syncs, metric)
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn gauges(measures: &Measures, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let Measures { records, record_bytes, live_bytes, disk_bytes, bytes_max, held_segments, .. } = *measures;
    for (name, help, value) in [
        ("journal_records", "Records that are not stored", records),
        ("journal_record_bytes", "Their bytes", record_bytes),
        ("journal_bytes", "Segments in use, in bytes", live_bytes),
        ("journal_disk_bytes", "Segments in use and spare ones, in bytes", disk_bytes),
        ("journal_bytes_max", "What segments may take in all, in bytes", bytes_max),
        ("journal_held_segments", "Segments that wait for the ledger to be written", held_segments),
        ("journal_failed", "1: it cannot be written any more", u64::from(measures.is_failed)),
    ] {
        gauge(encoder, name, help, value as f64)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counters(measures: &Measures, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    for (name, help, value) in [
        (
            "journal_sync_failures",
            "Files that were left because writing or syncing failed",
            measures.sync_failures,
        ),
        ("journal_seals", "Batches sealed", measures.seals),
        ("journal_records_lost", "Records and marks that this start found missing", measures.recovery.lost),
    ] {
        let counter = ConstCounter::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "bounds are small")]
fn encode_syncs(syncs: &SyncTimes, mut metric: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    let bounds = SYNC_BUCKETS_MS.iter().map(|ms| *ms as f64 / 1e3).chain([f64::MAX]);
    let buckets: Vec<(f64, u64)> = bounds.zip(syncs.buckets).collect();
    metric.encode_histogram::<NoLabelSet>(syncs.total.as_secs_f64(), syncs.count, &buckets, None)
}
