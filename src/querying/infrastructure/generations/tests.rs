//! What counts as changed, by whom and since when.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::shared::fixtures::numbers_ingested;
use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{
    ExponentialShape, MetricColumns, MetricsIngested, PointRow, Population, SeriesId, Temporality, WatchId,
};

fn ingested(metric: &str, hours: &[i64]) -> DomainEvent {
    let in_hour = |hour: &i64| Timestamp::from_nanos(hour * NANOS_PER_HOUR + 7);
    numbers_ingested(metric, MetricKind::Gauge, hours.iter().map(in_hour))
}

/// Of the metric `m`.
fn touch_at(nanos: i64) -> Touch {
    let (tenant, at) = (TenantId::unnamed(), Timestamp::from_nanos(nanos));
    let (metric, tenant) = (MetricKey::new(&tenant, "m"), TenantKey::new(&tenant));
    Touch { tenant, metric, kind: MetricKind::Gauge, first: at, last: at }
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
            _ => columns.exponential_histograms.push(point, population, ExponentialShape::default(), [], []),
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
    assert!(generations.metric_changed(&tenant, "m", hours(5, 6), before), "it may have been unknown before");
    let as_gauge = generations.now();
    let sum = MetricKind::Sum { temporality: Temporality::Delta, monotonic: true };
    generations.count(std::iter::once(Touch { kind: sum, ..touch_at(0) }));
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
        generations.count(std::iter::once(touch_at(minute * 60 * NANOS_PER_SECOND)));
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

/// Scenario: a node among others is not sure that it hears them, is sure for a while, and is not any more.
/// Guarantees: what was read before counts as changed unless it is sure; what was read meanwhile is as new as its question.
#[test]
fn among_others_nothing_that_was_read_is_trusted_unless_they_are_heard() {
    let generations = Generations::among_others();
    let tenant = TenantId::unnamed();
    let changed = |since| {
        let metric = generations.metric_changed(&tenant, "m", hours(5, 6), since);
        assert_eq!(metric, generations.kind_changed(&tenant, "m", since));
        assert_eq!(metric, generations.tenant_changed(&tenant, since));
        metric
    };
    let read_at = generations.now();
    assert!(changed(read_at));
    assert!(generations.now() > read_at, "whoever asks now asks after that");
    generations.trust_until(Instant::now() + Duration::from_secs(600));
    assert!(!changed(read_at));
    assert_eq!(generations.now(), generations.now());
    generations.forget_all();
    assert!(changed(read_at));
    assert!(!changed(generations.now()));
    generations.trust_until(Instant::now());
    assert!(changed(generations.now()));
}
