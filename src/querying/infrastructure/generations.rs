//! When which part of a metric changed: what makes the cache exact.
//!
//! The clock counts batches that became visible. Each slot of time of a metric that a batch touched remembers the count of
//! the last one. An answer that was read at count `n` is still true if nothing that it covers was touched after `n`.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::shared::time::{NANOS_PER_HOUR, NANOS_PER_SECOND};
use crate::shared::{DomainEvent, MetricKind, MetricsIngested, TenantId, TimeRange, Timestamp};

/// Width of a slot: how finely changes are told apart.
pub const SLOT: i64 = 300 * NANOS_PER_SECOND;
/// Slots remembered per metric; beyond it the older half becomes hours.
const SLOTS_MAX: usize = 48;
/// Hours remembered per metric; beyond it the older half becomes one.
const HOURS_MAX: usize = 24 * 14;
/// A run that is wider than so many slots touches hours, and beyond so many hours all that is older.
const SLOTS_TOUCHED_MAX: i64 = 48;
const HOURS_TOUCHED_MAX: i64 = 24 * 14;
/// Metrics remembered; beyond it all are forgotten and answers count as changed.
const METRICS_MAX: usize = 200_000;

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
#[derive(Debug)]
struct TouchedMetric {
    generation: u64,
    kind: MetricKind,
    /// When it was first seen, or last came with another kind: what describes it may have changed then.
    kind_generation: u64,
    newest: Timestamp,
    touched: TouchedTimes,
}

/// Which times were touched when: finely of late, coarsely further back.
#[derive(Debug, Default)]
struct TouchedTimes {
    slots: BTreeMap<i64, u64>,
    hours: BTreeMap<i64, u64>,
    /// The end of what is older than all of that, in nanoseconds, and when anything of it was touched last.
    rest: Option<(i64, u64)>,
}

impl TouchedTimes {
    fn touch(&mut self, first: i64, last: i64, generation: u64) {
        let (first_slot, last_slot) = (first.div_euclid(SLOT), last.div_euclid(SLOT));
        if last_slot - first_slot >= SLOTS_TOUCHED_MAX {
            self.touch_hours(first, last, generation);
        } else {
            (first_slot..=last_slot).for_each(|slot| raise(&mut self.slots, slot, generation));
        }
        while self.slots.len() > SLOTS_MAX {
            let Some((slot, generation)) = self.slots.pop_first() else { break };
            raise(&mut self.hours, (slot * SLOT).div_euclid(NANOS_PER_HOUR), generation);
        }
        while self.hours.len() > HOURS_MAX {
            let Some((hour, generation)) = self.hours.pop_first() else { break };
            self.touch_rest((hour + 1) * NANOS_PER_HOUR, generation);
        }
    }

    fn touch_hours(&mut self, first: i64, last: i64, generation: u64) {
        let (first, last) = (first.div_euclid(NANOS_PER_HOUR), last.div_euclid(NANOS_PER_HOUR));
        if last - first >= HOURS_TOUCHED_MAX {
            self.touch_rest((last + 1) * NANOS_PER_HOUR, generation);
        } else {
            (first..=last).for_each(|hour| raise(&mut self.hours, hour, generation));
        }
    }

    fn touch_rest(&mut self, end: i64, generation: u64) {
        let (known_end, known) = self.rest.unwrap_or((i64::MIN, 0));
        self.rest = Some((end.max(known_end), generation.max(known)));
    }

    fn changed(&self, range: TimeRange, since: u64) -> bool {
        let (first, last) = (range.start().nanos(), range.end().nanos() - 1);
        let later = |(_, generation): (&i64, &u64)| *generation > since;
        let within = |times: &BTreeMap<i64, u64>, width: i64| {
            times.range(first.div_euclid(width)..=last.div_euclid(width)).any(later)
        };
        within(&self.slots, SLOT)
            || within(&self.hours, NANOS_PER_HOUR)
            || self.rest.is_some_and(|(end, generation)| first < end && generation > since)
    }
}

/// Batches may be noted out of order; the later one counts.
fn raise(times: &mut BTreeMap<i64, u64>, time: i64, generation: u64) {
    let known = times.entry(time).or_insert(generation);
    *known = generation.max(*known);
}

#[derive(Debug, Default)]
pub struct Generations {
    clock: AtomicU64,
    /// Answers older than this are not trusted: what happened since was forgotten.
    floor: AtomicU64,
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
                self.touch_metric(key, run.kind, generation, (run.first_time, run.last_time));
            }
            let mut known = self.tenants.entry(columns.tenant().clone()).or_insert(generation);
            *known = generation.max(*known);
        }
        if self.metrics.len() > METRICS_MAX {
            self.forget();
        }
    }

    fn touch_metric(
        &self,
        key: MetricKey,
        kind: MetricKind,
        generation: u64,
        (first, last): (Timestamp, Timestamp),
    ) {
        let new = || TouchedMetric {
            generation,
            kind,
            kind_generation: generation,
            newest: last,
            touched: TouchedTimes::default(),
        };
        let mut known = self.metrics.entry(key).or_insert_with(new);
        known.generation = generation.max(known.generation);
        known.newest = last.max(known.newest);
        if known.kind != kind {
            known.kind = kind;
            known.kind_generation = generation.max(known.kind_generation);
        }
        known.touched.touch(first.nanos(), last.nanos(), generation);
    }

    /// The time of the newest point that this process saw of a metric.
    pub fn newest(&self, tenant: &TenantId, metric: &str) -> Option<Timestamp> {
        self.metrics.get(&MetricKey::new(tenant, metric)).map(|touched| touched.newest)
    }

    fn forget(&self) {
        self.floor.store(self.clock.load(Ordering::SeqCst), Ordering::SeqCst);
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
        self.metrics.get(&key).is_some_and(|metric| {
            metric.generation > since.0
                && (metric.kind_generation > since.0 || metric.touched.changed(range, since.0))
        })
    }

    /// Whether the metric became known after `since`, or came with another kind.
    pub fn kind_changed(&self, tenant: &TenantId, metric: &str, since: Generation) -> bool {
        let key = MetricKey::new(tenant, metric);
        let changed = self.metrics.get(&key).is_some_and(|metric| metric.kind_generation > since.0);
        changed || since.0 < self.floor.load(Ordering::SeqCst)
    }

    /// Whether any points of the tenant became visible after `since`.
    pub fn tenant_changed(&self, tenant: &TenantId, since: Generation) -> bool {
        self.tenants.get(tenant).is_some_and(|touched| *touched > since.0)
    }
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
        assert_eq!(generations.newest(&tenant, "m").map(|newest| newest.nanos() / NANOS_PER_HOUR), Some(102));
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
        let point = PointRow { series, watch: WatchId::NONE, time, start: Timestamp::EPOCH, flags: 0 };
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
        generations.touch_metric(key, sum, as_gauge.0 + 1, (Timestamp::EPOCH, Timestamp::EPOCH));
        assert!(generations.kind_changed(&tenant, "m", as_gauge));
        assert!(generations.metric_changed(&tenant, "m", hours(5, 6), as_gauge));
    }

    #[test]
    fn of_late_changes_are_told_apart_by_slots_and_further_back_by_hours() {
        let generations = Generations::default();
        let tenant = TenantId::unnamed();
        let minutes = |first: i64, end: i64| {
            let at = |minute| Timestamp::from_nanos(minute * 60 * NANOS_PER_SECOND);
            TimeRange::new(at(first), at(end)).unwrap()
        };
        let touch = |minute: i64| {
            let key = MetricKey::new(&tenant, "m");
            let at = Timestamp::from_nanos(minute * 60 * NANOS_PER_SECOND);
            let generation = generations.clock.fetch_add(1, Ordering::SeqCst) + 1;
            generations.touch_metric(key, MetricKind::Gauge, generation, (at, at));
        };
        let changed = |range, since| generations.metric_changed(&tenant, "m", range, since);
        touch(6_000);
        let read_at = generations.now();
        touch(6_003);
        assert!(changed(minutes(6_000, 6_005), read_at));
        assert!(!changed(minutes(6_005, 6_060), read_at), "the slot beside it");
        for minute in (6_100..9_000).step_by(5) {
            touch(minute);
        }
        assert!(changed(minutes(6_050, 6_060), read_at), "by now the hour is all that is known");
        assert!(!changed(minutes(5_900, 6_000), read_at), "the hour beside it");
        for hour in 200..800 {
            touch(hour * 60);
        }
        assert!(changed(minutes(5_900, 6_000), read_at), "and by now nothing");
        assert!(!changed(minutes(60 * 799 + 5, 60 * 801), read_at));
    }

    #[test]
    fn a_batch_that_spans_years_touches_all_that_it_spans() {
        let generations = Generations::default();
        let tenant = TenantId::unnamed();
        generations.observe(&ingested("m", &[9_000]));
        let read_at = generations.now();
        generations.observe(&ingested("m", &[0, 10_000]));
        assert!(generations.metric_changed(&tenant, "m", hours(5, 6), read_at));
        assert!(generations.metric_changed(&tenant, "m", hours(9_999, 10_001), read_at));
        assert!(!generations.metric_changed(&tenant, "m", hours(10_002, 10_003), read_at));
        assert!(!generations.metric_changed(&tenant, "other", hours(5, 6), read_at));
    }
}
