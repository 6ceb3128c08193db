//! When which part of a metric changed: what makes the cache exact.
//!
//! The clock counts batches that became visible. Each (metric, hour) that a batch touched remembers the count of the
//! last one. An answer that was read at count `n` is still true if nothing that it covers was touched after `n`.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{DomainEvent, MetricsIngested, TenantId, TimeRange};

/// Hours remembered over all metrics; beyond it all are forgotten and answers count as changed.
const HOURS_MAX: usize = 200_000;
/// Ranges longer than this are checked by the metric as a whole.
const HOURS_CHECKED_MAX: i64 = 24 * 7;

/// A count of batches: "what was visible then".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// Tenant and metric, hashed. That two meet costs a query, never a stale answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct MetricKey(u64);

impl MetricKey {
    fn new(tenant: &TenantId, metric: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        (tenant, metric).hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[derive(Debug, Default)]
pub struct Generations {
    clock: AtomicU64,
    /// Answers older than this are not trusted: what happened since was forgotten.
    floor: AtomicU64,
    hours: DashMap<(MetricKey, i64), u64>,
    metrics: DashMap<MetricKey, u64>,
    tenants: DashMap<TenantId, u64>,
}

impl Generations {
    /// To be taken before the store is asked.
    pub fn now(&self) -> Generation {
        Generation(self.clock.load(Ordering::SeqCst))
    }

    /// Runs within `publish`: points are visible by now, and their senders have no answer yet.
    pub fn observe(&self, event: &DomainEvent) {
        if let DomainEvent::MetricsIngested(ingested) = event {
            self.touch(ingested);
        }
    }

    fn touch(&self, ingested: &MetricsIngested) {
        let generation = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        for columns in &ingested.columns {
            for run in columns.runs() {
                let key = MetricKey::new(columns.tenant(), run.metric);
                self.metrics.insert(key, generation);
                let (first, last) = (hour(run.first_time.nanos()), hour(run.last_time.nanos()));
                if last - first > HOURS_CHECKED_MAX {
                    self.forget();
                } else {
                    (first..=last).for_each(|hour| _ = self.hours.insert((key, hour), generation));
                }
            }
            self.tenants.insert(columns.tenant().clone(), generation);
        }
        if self.hours.len() > HOURS_MAX || self.metrics.len() > HOURS_MAX {
            self.forget();
        }
    }

    fn forget(&self) {
        self.floor.store(self.clock.load(Ordering::SeqCst), Ordering::SeqCst);
        self.hours.clear();
        self.metrics.clear();
    }

    /// Whether points of the metric within the range became visible after `since`.
    pub fn metric_changed(
        &self,
        tenant: &TenantId,
        metric: &str,
        range: TimeRange,
        since: Generation,
    ) -> bool {
        if since.0 < self.floor.load(Ordering::SeqCst) {
            return true;
        }
        let key = MetricKey::new(tenant, metric);
        if self.metrics.get(&key).is_none_or(|touched| *touched <= since.0) {
            return false;
        }
        let (first, last) = (hour(range.start().nanos()), hour(range.end().nanos() - 1));
        last - first > HOURS_CHECKED_MAX
            || (first..=last)
                .any(|hour| self.hours.get(&(key, hour)).is_some_and(|touched| *touched > since.0))
    }

    /// Whether any points of the tenant became visible after `since`.
    pub fn tenant_changed(&self, tenant: &TenantId, since: Generation) -> bool {
        self.tenants.get(tenant).is_some_and(|touched| *touched > since.0)
    }
}

const fn hour(nanos: i64) -> i64 {
    nanos.div_euclid(NANOS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::shared::{MetricKind, NumberColumns, NumberRow, SeriesId, Timestamp, WatchId};

    fn ingested(metric: &str, hours: &[i64]) -> DomainEvent {
        let mut columns = NumberColumns::new(TenantId::unnamed());
        columns.begin_run(metric, MetricKind::Gauge);
        for hour in hours {
            columns.push(NumberRow {
                series: SeriesId(1),
                watch: WatchId::NONE,
                time: Timestamp::from_nanos(hour * NANOS_PER_HOUR + 7),
                start: Timestamp::EPOCH,
                value: 1.0,
                integer_rest: 0,
                integer: false,
                flags: 0,
            });
        }
        columns.finish();
        DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: vec![columns] }))
    }

    fn hours(first: i64, end: i64) -> TimeRange {
        let at = |hour| Timestamp::from_nanos(hour * NANOS_PER_HOUR);
        TimeRange::new(at(first), at(end)).unwrap()
    }

    #[test]
    fn only_the_touched_hours_of_the_touched_metric_change() {
        let generations = Generations::default();
        let tenant = TenantId::unnamed();
        generations.observe(&ingested("m", &[100, 102]));
        let read_at = generations.now();
        assert!(!generations.metric_changed(&tenant, "m", hours(90, 110), read_at));
        generations.observe(&ingested("m", &[101]));
        assert!(generations.metric_changed(&tenant, "m", hours(101, 102), read_at));
        assert!(generations.metric_changed(&tenant, "m", hours(90, 110), read_at));
        assert!(!generations.metric_changed(&tenant, "m", hours(102, 110), read_at));
        assert!(!generations.metric_changed(&tenant, "m", hours(90, 101), read_at));
        assert!(!generations.metric_changed(&tenant, "other", hours(90, 110), read_at));
        assert!(generations.tenant_changed(&tenant, read_at));
        assert!(!generations.tenant_changed(&tenant, generations.now()));
    }

    #[test]
    fn what_was_forgotten_counts_as_changed() {
        let generations = Generations::default();
        let tenant = TenantId::unnamed();
        let read_at = generations.now();
        generations.observe(&ingested("m", &[0, 10_000]));
        assert!(generations.metric_changed(&tenant, "other", hours(5, 6), read_at));
        assert!(!generations.metric_changed(&tenant, "other", hours(5, 6), generations.now()));
    }
}
