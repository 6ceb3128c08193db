//! When which part of a metric changed: what makes the cache exact.
//!
//! The clock counts batches that became visible. Each (metric, hour) that a batch touched remembers the count of the
//! last one. An answer that was read at count `n` is still true if nothing that it covers was touched after `n`.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{DomainEvent, MetricKind, MetricsIngested, TenantId, TimeRange, Timestamp};

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

/// What this process saw of a metric.
#[derive(Debug, Clone, Copy)]
struct TouchedMetric {
    generation: u64,
    kind: MetricKind,
    /// When it was first seen, or last came with another kind: what describes it may have changed then.
    kind_generation: u64,
    newest: Timestamp,
}

/// Batches may be noted out of order; the later one counts.
fn raise<K: Eq + Hash>(map: &DashMap<K, u64>, key: K, generation: u64) {
    let mut known = map.entry(key).or_insert(generation);
    *known = generation.max(*known);
}

#[derive(Debug, Default)]
pub struct Generations {
    clock: AtomicU64,
    /// Answers older than this are not trusted: what happened since was forgotten.
    floor: AtomicU64,
    hours: DashMap<(MetricKey, i64), u64>,
    metrics: DashMap<MetricKey, TouchedMetric>,
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
                self.touch_metric(key, run.kind, generation, run.last_time);
                let (first, last) = (hour(run.first_time.nanos()), hour(run.last_time.nanos()));
                if last - first > HOURS_CHECKED_MAX {
                    self.forget();
                } else {
                    (first..=last).for_each(|hour| raise(&self.hours, (key, hour), generation));
                }
            }
            raise(&self.tenants, columns.tenant().clone(), generation);
        }
        if self.hours.len() > HOURS_MAX || self.metrics.len() > HOURS_MAX {
            self.forget();
        }
    }

    fn touch_metric(&self, key: MetricKey, kind: MetricKind, generation: u64, newest: Timestamp) {
        let first = TouchedMetric { generation, kind, kind_generation: generation, newest };
        let mut known = self.metrics.entry(key).or_insert(first);
        known.generation = generation.max(known.generation);
        known.newest = newest.max(known.newest);
        if known.kind != kind {
            known.kind = kind;
            known.kind_generation = generation.max(known.kind_generation);
        }
    }

    /// The time of the newest point that this process saw of a metric.
    pub fn newest(&self, tenant: &TenantId, metric: &str) -> Option<Timestamp> {
        self.metrics.get(&MetricKey::new(tenant, metric)).map(|touched| touched.newest)
    }

    fn forget(&self) {
        self.floor.store(self.clock.load(Ordering::SeqCst), Ordering::SeqCst);
        self.hours.clear();
        self.metrics.clear();
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
        changed || since.0 < self.floor.load(Ordering::SeqCst)
    }

    fn remembered_change(&self, key: MetricKey, range: TimeRange, since: Generation) -> bool {
        let Some(touched) = self.metrics.get(&key).map(|touched| *touched) else { return false };
        if touched.generation <= since.0 {
            return false;
        }
        let (first, last) = (hour(range.start().nanos()), hour(range.end().nanos() - 1));
        touched.kind_generation > since.0
            || last - first > HOURS_CHECKED_MAX
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
    use crate::shared::{
        ExponentialShape, MetricColumns, MetricKind, NumberColumns, NumberRow, PointRow, Population,
        SeriesId, Temporality, Timestamp, WatchId,
    };

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
        DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: vec![columns.into()] }))
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
        assert_eq!(generations.newest(&tenant, "m").map(|newest| hour(newest.nanos())), Some(102));
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
    fn points_of_every_kind_change_their_metric() {
        let tenant = TenantId::unnamed();
        let temporality = Temporality::Delta;
        let (series, time) = (SeriesId(1), Timestamp::from_nanos(100 * NANOS_PER_HOUR));
        let point = PointRow { series, time, start: Timestamp::EPOCH, flags: 0 };
        for kind in [
            MetricKind::Histogram { temporality },
            MetricKind::ExponentialHistogram { temporality },
            MetricKind::Summary,
        ] {
            let generations = Generations::default();
            let before = generations.now();
            let mut columns = MetricColumns::new(tenant.clone());
            columns.begin_run("m", kind);
            let population = Population::default();
            match kind {
                MetricKind::Histogram { .. } => columns.histograms.push(point, population, [], []),
                MetricKind::Summary => columns.summaries.push(point, 0, 0.0, []),
                _ => columns.exponential_histograms.push(
                    point,
                    population,
                    ExponentialShape::default(),
                    [],
                    [],
                ),
            }
            columns.finish();
            let event = MetricsIngested { columns: vec![columns] };
            generations.observe(&DomainEvent::MetricsIngested(Arc::new(event)));
            assert!(generations.metric_changed(&tenant, "m", hours(100, 101), before), "{kind:?}");
            assert!(generations.tenant_changed(&tenant, before), "{kind:?}");
        }
    }

    #[test]
    fn a_metric_that_is_new_or_of_another_kind_changes_everywhere() {
        let generations = Generations::default();
        let tenant = TenantId::unnamed();
        let before = generations.now();
        generations.observe(&ingested("m", &[100]));
        assert!(
            generations.metric_changed(&tenant, "m", hours(5, 6), before),
            "it may have been unknown before"
        );
        let as_gauge = generations.now();
        let key = MetricKey::new(&tenant, "m");
        let sum = MetricKind::Sum { temporality: Temporality::Delta, monotonic: true };
        generations.touch_metric(key, sum, as_gauge.0 + 1, Timestamp::EPOCH);
        assert!(generations.metric_changed(&tenant, "m", hours(5, 6), as_gauge));
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
