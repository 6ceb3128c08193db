//! The register's promise: what is covered holds all that was announced.

use std::sync::atomic::AtomicI64;

use super::*;
use crate::shared::fixtures::numbers_ingested;
use crate::shared::{MetricKind, Temporality};

const COUNTER: MetricKind = MetricKind::Sum { temporality: Temporality::Cumulative, monotonic: true };
const SETTLED: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

fn hour(number: i64) -> Hour {
    Hour::of(Timestamp::EPOCH).plus(number)
}

/// A register in which hours from 100 on are open, and its clock.
fn register() -> (RolledUp, Arc<SetClock>) {
    let clock = Arc::new(SetClock::default());
    (RolledUp::new(Arc::clone(&clock) as Arc<dyn Clock>, hour(100)), clock)
}

fn ingested(metric: &str, kind: MetricKind, hours: &[i64]) -> DomainEvent {
    let in_hour = |number: &i64| hour(*number).start().plus(Duration::from_secs(7));
    numbers_ingested(metric, kind, hours.iter().map(in_hour))
}

/// The covered hours of 90 to 110.
fn covered(register: &RolledUp, metric: &str) -> Vec<(i64, i64)> {
    let range = TimeRange::new(hour(90).start(), hour(110).start()).unwrap();
    let number = |at: Timestamp| at.nanos() / Hour::of(Timestamp::EPOCH).next().start().nanos();
    let ranges = register.covered(&TenantId::unnamed(), metric, range);
    ranges.iter().map(|range| (number(range.start()), number(range.end()))).collect()
}

fn these(metrics: &[&str]) -> Metrics {
    let of = |metric: &&str| MetricOf { tenant: TenantId::unnamed(), metric: (**metric).into() };
    Metrics::These(metrics.iter().map(of).collect())
}

#[test]
fn nothing_is_covered_before_it_is_known_what_was_done() {
    let (register, _) = register();
    assert_eq!(covered(&register, "m"), []);
    assert_eq!(register.next(SETTLED, hour(0)), None);
    register.observe(&ingested("m", MetricKind::Gauge, &[97]));
    register.load([hour(95), hour(105)]);
    assert_eq!(covered(&register, "m"), [(90, 95), (96, 97), (98, 100)], "what came before counts");
    assert_eq!(covered(&register, "other"), [(90, 95), (96, 100)]);
}

#[test]
fn hours_are_pending_from_their_end_until_they_are_done_the_newest_first() {
    let (register, _) = register();
    register.load([hour(98)]);
    register.close(hour(102));
    assert_eq!(covered(&register, "m"), [(90, 98), (99, 100)]);
    for number in [101, 100, 98] {
        assert_eq!(register.next(SETTLED, hour(0)), Some(Task { hour: hour(number), metrics: Metrics::All }));
        assert_eq!(register.next(SETTLED, hour(0)), None, "one at a time");
        assert!(!covered(&register, "m").iter().any(|(from, to)| (*from..*to).contains(&number)));
        register.done();
    }
    assert_eq!(register.next(SETTLED, hour(0)), None);
    assert_eq!(covered(&register, "m"), [(90, 102)]);
}

#[test]
fn late_points_make_their_hours_stale_for_their_metric_until_these_are_done_again() {
    let (register, clock) = register();
    register.load([]);
    register.observe(&ingested("m", MetricKind::Gauge, &[95, 100]));
    assert_eq!(covered(&register, "m"), [(90, 95)], "hours of a run are not told apart");
    register.observe(&ingested("c", COUNTER, &[97]));
    assert_eq!(covered(&register, "c"), [(90, 97), (99, 100)], "the next point's increase is another one");
    assert_eq!(covered(&register, "other"), [(90, 100)]);
    assert_eq!(register.waiting(hour(0)), (5, Some(hour(95))));

    assert_eq!(register.next(SETTLED, hour(0)), None, "more may come");
    clock.0.store(301_000_000_000, Ordering::SeqCst);
    for (number, metrics) in [(95, &["m"][..]), (96, &["m"]), (97, &["c", "m"]), (98, &["c", "m"])] {
        let task = Some(Task { hour: hour(number), metrics: these(metrics) });
        assert_eq!(register.next(SETTLED, hour(0)), task);
        register.done();
    }
    assert_eq!((covered(&register, "m"), covered(&register, "c")), (vec![(90, 99)], vec![(90, 100)]));
}

#[test]
fn points_that_come_while_an_hour_is_calculated_make_it_stale_again() {
    let (register, clock) = register();
    register.load([hour(99)]);
    assert_eq!(register.next(SETTLED, hour(0)).map(|task| task.metrics), Some(Metrics::All));
    register.observe(&ingested("m", MetricKind::Gauge, &[99]));
    register.done();
    assert_eq!((covered(&register, "m"), covered(&register, "o")), (vec![(90, 99)], vec![(90, 100)]));
    clock.0.store(301_000_000_000, Ordering::SeqCst);
    assert_eq!(register.next(SETTLED, hour(0)).map(|task| task.metrics), Some(these(&["m"])));
    register.failed();
    assert_eq!(covered(&register, "m"), [(90, 99)], "a failure leaves it as it was");
    clock.0.store(602_000_000_000, Ordering::SeqCst);
    assert!(register.next(SETTLED, hour(0)).is_some());
    register.done();
    assert_eq!(covered(&register, "m"), [(90, 100)]);
}

#[test]
fn an_hour_that_fails_holds_up_no_other_and_is_tried_again() {
    let (register, clock) = register();
    register.load([hour(98), hour(99)]);
    let next = || register.next(SETTLED, hour(0)).map(|task| task.hour);
    assert_eq!(next(), Some(hour(99)));
    register.failed();
    assert_eq!(next(), Some(hour(98)));
    register.done();
    assert_eq!(next(), None);
    assert_eq!(covered(&register, "m"), [(90, 99)]);
    clock.0.store(600_000_000_000, Ordering::SeqCst);
    assert_eq!(next(), Some(hour(99)));
    register.done();
    assert_eq!(covered(&register, "m"), [(90, 100)]);
}

#[test]
fn what_is_gone_is_not_calculated_and_forgotten_in_the_end() {
    let (register, clock) = register();
    register.load([hour(49), hour(98)]);
    register.observe(&ingested("m", MetricKind::Gauge, &[60]));
    clock.0.store(301_000_000_000, Ordering::SeqCst);
    assert_eq!(register.next(SETTLED, hour(98)).map(|task| task.hour), Some(hour(98)));
    register.done();
    assert_eq!(register.next(SETTLED, hour(98)), None);
    let covers = |number: i64| {
        let range = hour(number).range().unwrap();
        !register.covered(&TenantId::unnamed(), "m", range).is_empty()
    };
    assert_eq!([49, 60, 98].map(covers), [true, false, true]);
    assert_eq!(register.next(SETTLED, hour(120)), None);
    assert_eq!([49, 60, 98].map(covers), [true; 3]);
}

#[test]
fn too_many_stale_metrics_are_one_pending_hour() {
    let (register, _) = register();
    register.load([]);
    let now = Timestamp::EPOCH;
    for number in 0..=STALE_MAX {
        let of = MetricOf { tenant: TenantId::unnamed(), metric: number.to_string().into() };
        register.state.lock().touch(hour(95), hour(96), &of, now);
    }
    assert_eq!(register.next(SETTLED, hour(0)), Some(Task { hour: hour(95), metrics: Metrics::All }));
    assert_eq!(register.state.lock().stale_count, 0);
}

#[test]
fn only_whole_hours_are_covered() {
    let (register, _) = register();
    register.load([]);
    let second = Duration::from_secs(1);
    let range = TimeRange::new(hour(90).start().plus(second), hour(93).end().minus(second)).unwrap();
    let found = register.covered(&TenantId::unnamed(), "m", range);
    assert_eq!(found, [TimeRange::new(hour(91).start(), hour(93).start()).unwrap()]);
    let within = TimeRange::new(hour(90).start().plus(second), hour(91).start().plus(second)).unwrap();
    assert_eq!(register.covered(&TenantId::unnamed(), "m", within), []);
}
