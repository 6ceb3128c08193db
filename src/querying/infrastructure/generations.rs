//! When which part of a metric changed: what makes the cache exact.
//!
//! The clock counts batches that became visible. Each slot of time of a metric that a batch touched remembers the count of
//! the last one. An answer that was read at count `n` is still true if nothing that it covers was touched after `n`.
//!
//! Where several nodes write, what others touched is counted when they tell it. As long as it is not certain that this node
//! hears them, nothing that was read before counts as true.

mod certainty;
mod touch;
mod touched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;

use crate::shared::time::NANOS_PER_SECOND;
use crate::shared::{DomainEvent, MetricKind, TenantId, TimeRange, Timestamp};

use self::certainty::Certainty;
pub use self::touch::{MetricKey, TenantKey, Touch, TouchKey};
use self::touched::TouchedTimes;

/// Width of a slot: how finely changes are told apart.
pub const SLOT: i64 = 300 * NANOS_PER_SECOND;
/// Metrics remembered; beyond it all are forgotten and answers count as changed.
const METRICS_MAX: usize = 200_000;

/// A count of batches: "what was visible then".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

impl Generation {
    /// The one before.
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The one after.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What is known of a metric.
#[derive(Debug)]
struct TouchedMetric {
    generation: u64,
    kind: MetricKind,
    /// When it was first seen, or last came with another kind: what describes it may have changed then.
    kind_generation: u64,
    newest: Timestamp,
    touched: TouchedTimes,
}

#[derive(Debug, Default)]
pub struct Generations {
    clock: AtomicU64,
    /// Answers older than this are not trusted: what happened since was forgotten.
    floor: AtomicU64,
    metrics: DashMap<MetricKey, TouchedMetric>,
    tenants: DashMap<TenantKey, u64>,
    certainty: Certainty,
}

impl Generations {
    /// Of a node among several: nothing is trusted before [`Self::trust_until`].
    pub fn among_others() -> Self {
        Self { certainty: Certainty::among_others(), ..Self::default() }
    }

    /// To be taken before the store is asked. While nothing is certain, each is newer than all before.
    pub fn now(&self) -> Generation {
        match self.certainty.holds() {
            true => self.counted(),
            false => Generation(self.clock.fetch_add(1, Ordering::SeqCst) + 1),
        }
    }

    /// The last that was counted.
    pub fn counted(&self) -> Generation {
        Generation(self.clock.load(Ordering::SeqCst))
    }

    /// Runs within `publish`: points are visible by now, and their senders have no answer yet.
    pub fn observe(&self, event: &DomainEvent) {
        if let DomainEvent::MetricsIngested(ingested) = event {
            self.count(Touch::of_batch(ingested));
        }
    }

    /// What became visible together, here or on another node.
    pub fn count(&self, touches: impl Iterator<Item = Touch>) {
        let generation = self.advance();
        touches.for_each(|touch| self.touch(&touch, generation));
        self.forget_if_full();
    }

    fn advance(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn touch(&self, touch: &Touch, generation: u64) {
        let new = || TouchedMetric {
            generation,
            kind: touch.kind,
            kind_generation: generation,
            newest: touch.last,
            touched: TouchedTimes::default(),
        };
        {
            let mut known = self.metrics.entry(touch.metric).or_insert_with(new);
            known.generation = generation.max(known.generation);
            known.newest = touch.last.max(known.newest);
            if known.kind != touch.kind {
                known.kind = touch.kind;
                known.kind_generation = generation.max(known.kind_generation);
            }
            known.touched.touch(touch.first.nanos(), touch.last.nanos(), generation);
        }
        let mut known = self.tenants.entry(touch.tenant).or_insert(generation);
        *known = generation.max(*known);
    }

    /// The time of the newest point that is known of a metric: that this node saw, or heard of.
    pub fn newest(&self, tenant: &TenantId, metric: &str) -> Option<Timestamp> {
        self.metrics.get(&MetricKey::new(tenant, metric)).map(|touched| touched.newest)
    }

    fn forget_if_full(&self) {
        if self.metrics.len() > METRICS_MAX || self.tenants.len() > METRICS_MAX {
            self.forget();
        }
    }

    fn forget(&self) {
        self.floor.fetch_max(self.counted().0, Ordering::SeqCst);
        self.metrics.clear();
        self.tenants.clear();
    }

    /// Nothing that was read by now is trusted any more.
    pub fn forget_all(&self) {
        self.floor.fetch_max(self.advance(), Ordering::SeqCst);
    }

    /// Until then it is certain that all is heard that others make visible.
    pub fn trust_until(&self, until: Instant) {
        self.certainty.extend(until);
    }

    /// Whether anything that was read before may be trusted at all.
    pub fn is_certain(&self) -> bool {
        self.certainty.holds()
    }

    /// Whether what other nodes do is known.
    fn is_certain_of(&self, since: Generation) -> bool {
        since.0 >= self.floor.load(Ordering::SeqCst) && self.certainty.holds()
    }

    /// Whether points of the metric within the range became visible after `since`, or it came with another kind.
    pub fn metric_changed(
        &self,
        tenant: &TenantId,
        metric: &str,
        range: TimeRange,
        since: Generation,
    ) -> bool {
        let changed = self.remembered_change(MetricKey::new(tenant, metric), range, since);
        // Looked at last: what is forgotten meanwhile counts as changed.
        changed || !self.is_certain_of(since)
    }

    fn remembered_change(&self, key: MetricKey, range: TimeRange, since: Generation) -> bool {
        self.metrics.get(&key).is_some_and(|metric| {
            metric.generation > since.0
                && (metric.kind_generation > since.0 || metric.touched.changed(range, since.0))
        })
    }

    /// Whether the metric became known after `since`, or came with another kind.
    pub fn kind_changed(&self, tenant: &TenantId, metric: &str, since: Generation) -> bool {
        let key = MetricKey::new(tenant, metric);
        let changed = self.metrics.get(&key).is_some_and(|metric| metric.kind_generation > since.0);
        changed || !self.is_certain_of(since)
    }

    /// Whether any points of the tenant became visible after `since`.
    pub fn tenant_changed(&self, tenant: &TenantId, since: Generation) -> bool {
        let changed = self.tenants.get(&TenantKey::new(tenant)).is_some_and(|touched| *touched > since.0);
        changed || !self.is_certain_of(since)
    }
}

#[cfg(test)]
mod tests;
