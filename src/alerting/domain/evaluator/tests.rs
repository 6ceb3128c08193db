//! Simulated time tables: points and times in, transitions out.

mod filling;
mod kinds_and_lives;
mod properties;

use super::*;
use crate::alerting::domain::fixtures::{
    COUNTER, evaluator, rule, rule_for, rule_with, second, series, told,
};
use crate::alerting::domain::rule::NoData;
use crate::alerting::domain::rule_words::{HoldTime, RuleId};
use crate::shared::columns::FLAG_NO_RECORDED_VALUE;
use crate::shared::{
    MetricColumns, MetricKind, NumberColumns, NumberRow, PastPoint, PastValue, PointRow, Population,
    SeriesId, SeriesWatch, Temporality, TenantId, WatchEpoch,
};

/// Far enough from the epoch for every window.
const START: i64 = 1_000_000;

/// An evaluator with a clock that is moved by hand; seconds count from [`START`].
struct Bench {
    watchlist: Arc<Watchlist>,
    evaluator: AlertEvaluator,
    now: i64,
    told: Vec<String>,
}

impl Bench {
    fn new(rules: Vec<AlertRule>) -> Self {
        Self::with_limits(rules, EvaluatorLimits::default())
    }

    fn with_limits(rules: Vec<AlertRule>, limits: EvaluatorLimits) -> Self {
        let (watchlist, evaluator) = evaluator(rules, limits);
        Self { watchlist, evaluator, now: 0, told: Vec::new() }
    }

    /// Moves the clock, with the ticker running.
    fn go_to(&mut self, second_of_day: i64) -> &mut Self {
        while self.now < second_of_day {
            self.now += 1;
            let transitions = self.evaluator.tick(second(START + self.now));
            self.tell(&transitions);
        }
        self
    }

    fn tell(&mut self, transitions: &[Transition]) {
        for transition in transitions {
            let Some(kind) = told(transition) else { continue };
            let labels = transition.labels();
            let values: Vec<_> = labels.iter().map(|(_, value)| value).collect();
            let place = if values.is_empty() { String::new() } else { format!(" {}", values.join(",")) };
            self.told.push(format!("{}{place} {kind}: {}", self.now, transition.reason()));
        }
    }

    fn point(&mut self, value: f64) -> &mut Self {
        let at = self.now;
        self.point_at(at, value)
    }

    fn point_at(&mut self, at: i64, value: f64) -> &mut Self {
        self.send("default", &[], MetricKind::Gauge, &[row(at, value)])
    }

    fn count(&mut self, start: i64, value: f64) -> &mut Self {
        let row = NumberRow { start: second(START + start), ..row(self.now, value) };
        self.send("default", &[], COUNTER, &[row])
    }

    fn of_host(&mut self, host: &str, value: f64) -> &mut Self {
        let at = self.now;
        self.send("default", &[("host", host)], MetricKind::Gauge, &[row(at, value)])
    }

    fn send(
        &mut self,
        tenant: &str,
        labels: &[(&str, &str)],
        kind: MetricKind,
        rows: &[NumberRow],
    ) -> &mut Self {
        let mut series = series(labels);
        series.tenant = TenantId::parse(tenant).unwrap();
        series.kind = kind;
        let watch = self.watchlist.watch(&series);
        let mut columns = NumberColumns::new(series.tenant);
        columns.begin_run("m", kind);
        for row in rows {
            columns.push(NumberRow { watch, ..*row });
        }
        let event = MetricsIngested { columns: vec![columns.into()] };
        let transitions = self.evaluator.observe(&event, second(START + self.now));
        self.tell(&transitions);
        self
    }

    fn refused(&mut self) -> Vec<(PointRefusal, u64)> {
        self.evaluator.take_counts().refused.into_iter().collect()
    }
}

fn row(at: i64, value: f64) -> NumberRow {
    NumberRow {
        series: SeriesId(7),
        watch: WatchId::NONE,
        time: second(START + at),
        start: Timestamp::EPOCH,
        value,
        integer_rest: 0,
        integer: false,
        flags: 0,
    }
}

#[test]
fn what_more_data_can_only_strengthen_fires_with_the_point_that_decides() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    bench.point(4.0).go_to(10).point(6.0);
    assert_eq!(bench.told, ["10 fires: max 6 > 5"]);
}

#[test]
fn a_maximum_resolves_when_the_peak_leaves_the_window_of_newer_data() {
    let mut bench = Bench::new(vec![rule("max > 5", "10s")]);
    bench.point(9.0);
    for at in 1..20 {
        bench.go_to(at).point(1.0);
    }
    assert_eq!(bench.told, ["0 fires: max 9 > 5", "11 resolves: max 1, no longer > 5"]);
}

#[test]
fn an_average_waits_until_its_pane_closes() {
    let mut bench = Bench::new(vec![rule("avg > 0.8", "1m")]);
    bench.point(0.9).point(0.96);
    assert!(bench.told.is_empty());
    bench.go_to(1);
    assert_eq!(bench.told, ["1 fires: avg 0.93 > 0.8"]);
}

#[test]
fn a_pane_closes_by_the_next_point_too() {
    let mut bench = Bench::new(vec![rule("avg > 0.8", "1m")]);
    bench.send("default", &[], MetricKind::Gauge, &[row(-5, 0.9), row(-4, 0.1)]);
    assert_eq!(bench.told, ["0 fires: avg 0.9 > 0.8"]);
}

#[test]
fn a_condition_fires_once_it_has_held_and_not_before() {
    let mut bench = Bench::new(vec![rule_for("max > 5", "1m", "20s")]);
    bench.point(6.0).go_to(19);
    assert!(bench.told.is_empty());
    bench.go_to(20);
    assert_eq!(bench.told, ["20 fires: max 6 > 5 for 20s"]);
}

#[test]
fn flapping_values_fire_and_resolve_each_time() {
    let mut bench = Bench::new(vec![rule("max > 5", "1s")]);
    for (at, value) in [(0, 6.0), (2, 1.0), (4, 7.0), (6, 1.0)] {
        bench.go_to(at).point(value);
    }
    bench.go_to(8);
    let told: Vec<_> = bench.told.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(told, ["0 fires", "3 resolves", "4 fires", "7 resolves"]);
}

#[test]
fn a_flap_shorter_than_for_is_never_told() {
    let mut bench = Bench::new(vec![rule_for("max > 5", "1s", "5s")]);
    for at in 0..30 {
        bench.go_to(at).point(if at % 4 == 0 { 1.0 } else { 9.0 });
    }
    assert!(bench.told.is_empty());
}

#[test]
fn data_that_stops_resolves_once_the_window_has_emptied() {
    let mut bench = Bench::new(vec![rule("max > 5", "10s")]);
    bench.point(6.0).go_to(60);
    assert_eq!(bench.told, ["0 fires: max 6 > 5", "21 resolves: no data"]);
    assert_eq!(bench.evaluator.instances(), 0);
}

#[test]
fn late_points_are_counted_and_not_evaluated() {
    let mut bench = Bench::new(vec![rule("max > 5", "5m")]);
    bench.point(1.0).go_to(40).point(1.0);
    bench.point_at(9, 100.0);
    assert_eq!(bench.refused(), [(PointRefusal::Late, 1)]);
    assert!(bench.told.is_empty());
    bench.point_at(10, 100.0);
    assert_eq!(bench.told, ["40 fires: max 100 > 5"]);
}

#[test]
fn history_is_not_evaluated() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    bench.point_at(-91, 100.0);
    assert_eq!(bench.refused(), [(PointRefusal::Late, 1)]);
    assert_eq!((bench.told.len(), bench.evaluator.instances()), (0, 0));
}

#[test]
fn data_that_comes_with_a_delay_is_evaluated_all_the_same() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    for at in 0..10 {
        bench.go_to(at).point_at(at - 80, 1.0);
    }
    bench.go_to(10).point_at(-70, 6.0);
    assert_eq!(bench.told, ["10 fires: max 6 > 5"]);
}

#[test]
fn a_clock_slightly_ahead_counts_as_now_and_one_far_ahead_is_refused() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    bench.point_at(31, 9.0);
    assert_eq!(bench.refused(), [(PointRefusal::Future, 1)]);
    bench.point_at(29, 9.0).point_at(-29, 9.0);
    assert_eq!(bench.told, ["0 fires: max 9 > 5"]);
    assert!(bench.refused().is_empty());
}

#[test]
fn counters_are_read_through_their_increase_and_survive_resets() {
    let mut bench = Bench::new(vec![rule("sum > 50", "10s")]);
    bench.count(-1000, 1_000_000.0);
    bench.go_to(1).count(-1000, 1_000_030.0);
    assert!(bench.told.is_empty());
    bench.go_to(2).count(1, 21.0);
    assert_eq!(bench.told, ["2 fires: sum 51 > 50"]);
}

#[test]
fn a_counter_that_began_within_the_window_counts_from_its_start() {
    let mut bench = Bench::new(vec![rule("sum > 50", "10s")]);
    bench.count(-10, 60.0);
    assert_eq!(bench.told, ["0 fires: sum 60 > 50"]);
    let mut older = Bench::new(vec![rule("sum > 50", "10s")]);
    older.count(-11, 60.0);
    assert!(older.told.is_empty());
}

#[test]
fn a_sum_with_negative_values_waits_for_its_pane() {
    let mut bench = Bench::new(vec![rule("sum > 5", "1m")]);
    bench.send("default", &[], MetricKind::Gauge, &[row(0, -1.0), row(0, 7.0)]);
    assert!(bench.told.is_empty());
    bench.go_to(1);
    assert_eq!(bench.told, ["1 fires: sum 6 > 5"]);
}

#[test]
fn small_counts_mean_something_only_after_a_whole_window() {
    let mut bench = Bench::new(vec![rule("count < 5", "10s")]);
    for at in 0..30 {
        bench.go_to(at);
        if at < 12 || at % 3 == 0 {
            bench.point(1.0);
        }
    }
    assert_eq!(bench.told.len(), 1);
    assert!(bench.told[0].ends_with("fires: count 4 < 5"), "{:?}", bench.told);
}

#[test]
fn a_steady_count_at_the_threshold_does_not_flap() {
    let mut bench = Bench::new(vec![rule("count > 9", "10s")]);
    for at in 0..100 {
        bench.go_to(at).point(1.0);
    }
    assert_eq!(bench.told, ["9 fires: count 10 > 9"]);
}

#[test]
fn groups_fire_and_resolve_on_their_own() {
    let mut bench = Bench::new(vec![rule_with("r", "max > 5", &["host"])]);
    bench.of_host("a", 9.0).of_host("b", 1.0);
    bench.go_to(5).of_host("b", 7.0);
    assert_eq!(bench.told, ["0 a fires: max 9 > 5", "5 b fires: max 7 > 5"]);
}

#[test]
fn tenants_are_evaluated_apart() {
    let mut bench = Bench::new(vec![rule("sum > 10", "1m")]);
    for tenant in ["one", "two"] {
        bench.send(tenant, &[], MetricKind::Gauge, &[row(0, 6.0)]);
    }
    assert!(bench.told.is_empty());
    assert_eq!(bench.evaluator.instances(), 2);
}

#[test]
fn points_without_a_value_are_skipped_and_what_is_no_number_is_refused() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    let ended = NumberRow { flags: FLAG_NO_RECORDED_VALUE, ..row(0, 9.0) };
    bench.send("default", &[], MetricKind::Gauge, &[ended, row(0, f64::NAN)]);
    assert!(bench.told.is_empty());
    assert_eq!(bench.refused(), [(PointRefusal::NotANumber, 1)]);
}

#[test]
fn instances_are_bounded_and_an_overflow_is_told_once() {
    let limits = EvaluatorLimits { instances_per_rule: 1, ..EvaluatorLimits::default() };
    let mut bench = Bench::with_limits(vec![rule_with("r", "max > 5", &["host"])], limits);
    bench.of_host("a", 1.0).of_host("b", 9.0).of_host("c", 9.0);
    let counts = bench.evaluator.take_counts();
    assert_eq!(counts.refused.get(&PointRefusal::TooManyInstances), Some(&2));
    assert_eq!(counts.overflowed.len(), 1);
    assert!(bench.told.is_empty());
    bench.go_to(120).of_host("b", 9.0);
    assert_eq!(bench.told, ["120 b fires: max 9 > 5"]);
}

#[test]
fn a_watch_that_nobody_gave_out_is_ignored() {
    let mut bench = Bench::new(vec![rule("max > 5", "1m")]);
    let mut columns = NumberColumns::new(TenantId::unnamed());
    columns.begin_run("m", MetricKind::Gauge);
    columns.push(NumberRow {
        watch: WatchId::new(WatchEpoch::default(), WatchId::NUMBER_MAX).unwrap(),
        ..row(0, 9.0)
    });
    let event = MetricsIngested { columns: vec![columns.into()] };
    assert!(bench.evaluator.observe(&event, second(START)).is_empty());
}

#[test]
fn the_peak_is_the_worst_value_while_it_fired() {
    let mut bench = Bench::new(vec![rule("avg > 5", "1s")]);
    for (at, value) in [(0, 6.0), (1, 11.0), (2, 7.0)] {
        bench.go_to(at).point(value);
    }
    let last = (3..60).find_map(|at| bench.evaluator.tick(second(START + at)).pop()).unwrap();
    assert_eq!((last.peak(), last.since()), (Some(11.0), second(START + 1)));
}
