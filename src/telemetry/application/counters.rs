//! What the write path counts, for `/metrics`.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::shared::{Signal, TenantId};
use crate::telemetry::domain::Findings;

/// A tenant as a label: cloning it copies no text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tenant(TenantId);

impl EncodeLabelValue for Tenant {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.as_str().encode(encoder)
    }
}

/// Times of inserts, in buckets whose upper bounds are in seconds.
#[derive(Debug, Clone)]
struct InsertTimes(Histogram);

impl Default for InsertTimes {
    fn default() -> Self {
        Self(Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]))
    }
}

/// Whose items of which signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Stream {
    tenant: Tenant,
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StreamReason {
    tenant: Tenant,
    signal: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SignalReason {
    signal: &'static str,
    reason: &'static str,
}

/// Counters of items: points, log records, spans, since the process began. What is exact across restarts is the
/// [`Ledger`](super::Ledger).
#[derive(Debug, Clone, Default)]
pub struct IngestCounters {
    received: Family<Stream, Counter>,
    rejected: Family<StreamReason, Counter>,
    warnings: Family<StreamReason, Counter>,
    stored: Family<Stream, Counter>,
    dead_lettered: Family<Stream, Counter>,
    failed: Family<Stream, Counter>,
    in_flight: Family<Stream, Gauge>,
    resent_requests: Family<Stream, Counter>,
    refused_requests: Family<SignalReason, Counter>,
    batches: Counter,
    insert_retries: Counter,
    inserts: InsertTimes,
}

/// The counters that accepted items of one tenant and signal move.
#[derive(Debug, Clone)]
pub struct ItemCounters {
    stored: Counter,
    dead_lettered: Counter,
    failed: Counter,
    in_flight: Gauge,
}

impl IngestCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("ingest");
        registry.register("items_received", "Items in requests that could be read", own.received.clone());
        registry.register("items_rejected", "Items rejected, by reason", own.rejected.clone());
        registry.register("warnings", "Remarks to senders, by kind", own.warnings.clone());
        registry.register("items_stored", "Items durable and visible in the store", own.stored.clone());
        registry.register(
            "items_failed",
            "Items that were read, but answered as not taken: queue or journal full, store away",
            own.failed.clone(),
        );
        registry.register(
            "items_dead_lettered",
            "Items that the store refused for good",
            own.dead_lettered.clone(),
        );
        registry.register("items_in_flight", "Accepted items not yet stored", own.in_flight.clone());
        registry.register(
            "requests_resent",
            "Requests recognised as sent before, and not stored again",
            own.resent_requests.clone(),
        );
        registry.register(
            "requests_refused",
            "Requests refused as a whole, by reason",
            own.refused_requests.clone(),
        );
        registry.register("batches_stored", "Batches inserted", own.batches.clone());
        registry.register("insert_retries", "Inserts tried again", own.insert_retries.clone());
        registry.register_with_unit(
            "insert",
            "Time that the store took for one block of a table",
            Unit::Seconds,
            own.inserts.0.clone(),
        );
        own
    }

    /// A request was read: so many items were accepted, and these were found wanting.
    pub fn request_read(&self, tenant: &TenantId, accepted: usize, findings: &Findings) {
        let stream = stream(tenant, findings.signal());
        self.received.get_or_create(&stream).inc_by(accepted as u64 + findings.rejected_items());
        for (rejection, count) in findings.rejections() {
            self.rejected.get_or_create(&stream.because_of(rejection.name())).inc_by(count);
        }
        for (warning, count) in findings.warnings() {
            self.warnings.get_or_create(&stream.because_of(warning.name())).inc_by(count);
        }
    }

    /// A request was recognised as one that came before.
    pub fn request_resent(&self, tenant: &TenantId, signal: Signal) {
        self.resent_requests.get_or_create(&stream(tenant, signal)).inc();
    }

    pub fn request_refused(&self, signal: Signal, reason: &'static str) {
        let signal = signal.name();
        self.refused_requests.get_or_create(&SignalReason { signal, reason }).inc();
    }

    /// For the items of one request, from their acceptance on.
    pub fn items(&self, tenant: &TenantId, signal: Signal) -> ItemCounters {
        let stream = stream(tenant, signal);
        ItemCounters {
            stored: self.stored.get_or_create_owned(&stream),
            dead_lettered: self.dead_lettered.get_or_create_owned(&stream),
            failed: self.failed.get_or_create_owned(&stream),
            in_flight: self.in_flight.get_or_create_owned(&stream),
        }
    }

    pub fn batch_stored(&self) {
        self.batches.inc();
    }

    pub fn inserted(&self, took: Duration) {
        self.inserts.0.observe(took.as_secs_f64());
    }

    pub fn insert_retried(&self) {
        self.insert_retries.inc();
    }
}

impl ItemCounters {
    pub(super) fn begin(&self, items: usize) {
        self.in_flight.inc_by(signed(items));
    }

    pub(super) fn stored(&self, items: usize) {
        self.stored.inc_by(items as u64);
        self.in_flight.dec_by(signed(items));
    }

    pub(super) fn dead_lettered(&self, items: usize) {
        self.dead_lettered.inc_by(items as u64);
        self.in_flight.dec_by(signed(items));
    }

    /// The process ends before they are stored; the next one goes on with them.
    pub(super) fn left_in_journal(&self, items: usize) {
        self.in_flight.dec_by(signed(items));
    }

    pub(super) fn failed(&self, items: usize) {
        self.failed.inc_by(items as u64);
        self.in_flight.dec_by(signed(items));
    }
}

#[cfg(test)]
impl ItemCounters {
    /// In flight, stored, failed.
    pub fn values(&self) -> (i64, u64, u64) {
        (self.in_flight.get(), self.stored.get(), self.failed.get())
    }
}

fn stream(tenant: &TenantId, signal: Signal) -> Stream {
    Stream { tenant: Tenant(tenant.clone()), signal: signal.name() }
}

impl Stream {
    fn because_of(&self, reason: &'static str) -> StreamReason {
        StreamReason { tenant: self.tenant.clone(), signal: self.signal, reason }
    }
}

fn signed(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
