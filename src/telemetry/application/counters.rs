//! What the write path counts, for `/metrics`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::telemetry::domain::Findings;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    reason: &'static str,
}

/// Counters of metric points. `received = stored + rejected + failed + in flight`, also when a client leaves.
#[derive(Debug, Clone, Default)]
pub struct IngestCounters {
    received: Counter,
    rejected: Family<Reason, Counter>,
    warnings: Family<Reason, Counter>,
    stored: Counter,
    failed: Counter,
    in_flight: Gauge,
    refused_requests: Family<Reason, Counter>,
    batches: Counter,
    insert_retries: Counter,
}

impl IngestCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("ingest_metrics");
        registry.register("points_received", "Points in requests that could be read", own.received.clone());
        registry.register("points_rejected", "Points rejected, by reason", own.rejected.clone());
        registry.register("warnings", "Remarks to senders, by kind", own.warnings.clone());
        registry.register("points_stored", "Points durable and visible in the store", own.stored.clone());
        registry.register(
            "points_failed",
            "Points that were read, but answered as not stored: queue full, client gone, refused by the store",
            own.failed.clone(),
        );
        registry.register("points_in_flight", "Accepted points not yet stored", own.in_flight.clone());
        registry.register(
            "requests_refused",
            "Requests refused as a whole, by reason",
            own.refused_requests.clone(),
        );
        registry.register("batches_stored", "Batches inserted", own.batches.clone());
        registry.register("insert_retries", "Inserts tried again", own.insert_retries.clone());
        own
    }

    /// A request was read: so many points were accepted, and these were found wanting.
    pub fn request_read(&self, accepted_points: usize, findings: &Findings) {
        self.received.inc_by(accepted_points as u64 + findings.rejected_items());
        for (rejection, count) in findings.rejections() {
            self.rejected.get_or_create(&Reason { reason: rejection.name() }).inc_by(count);
        }
        for (warning, count) in findings.warnings() {
            self.warnings.get_or_create(&Reason { reason: warning.name() }).inc_by(count);
        }
    }

    pub fn request_refused(&self, reason: &'static str) {
        self.refused_requests.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn points_in_flight(&self, points: usize) {
        self.in_flight.inc_by(signed(points));
    }

    pub(super) fn points_landed(&self, points: usize) {
        self.in_flight.dec_by(signed(points));
    }

    /// The queue did not take them, or nobody waits for them any more.
    pub fn points_refused(&self, points: usize) {
        self.failed.inc_by(points as u64);
    }

    pub fn batch_stored(&self, points: usize) {
        self.stored.inc_by(points as u64);
        self.batches.inc();
    }

    pub fn batch_failed(&self, points: usize) {
        self.failed.inc_by(points as u64);
    }

    pub fn insert_retried(&self) {
        self.insert_retries.inc();
    }
}

#[cfg(test)]
impl IngestCounters {
    pub(super) fn in_flight(&self) -> i64 {
        self.in_flight.get()
    }
}

fn signed(points: usize) -> i64 {
    i64::try_from(points).unwrap_or(i64::MAX)
}
