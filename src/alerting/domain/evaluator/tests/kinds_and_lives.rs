//! Histograms and rates; groups that are new or silent; rules that change, and restarts.

use super::*;

/// Observations of a histogram with the bounds 1 and 2.
fn observe(bench: &mut Bench, kind: MetricKind, counts: [u64; 3]) {
    let mut series = series(&[]);
    series.kind = kind;
    let watch = bench.watchlist.watch(&series);
    let mut columns = MetricColumns::new(series.tenant);
    columns.begin_run("m", kind);
    let point = PointRow {
        series: SeriesId(7),
        watch,
        time: second(START + bench.now),
        start: Timestamp::EPOCH,
        flags: 0,
    };
    let population = Population { count: counts.iter().sum(), ..Population::default() };
    columns.histograms.push(point, population, counts, [1.0, 2.0]);
    let event = MetricsIngested { columns: vec![columns] };
    let transitions = bench.evaluator.observe(&event, second(START + bench.now));
    bench.tell(&transitions);
}

#[test]
fn a_quantile_is_of_all_that_was_observed_within_the_window() {
    let kind = MetricKind::Histogram { temporality: Temporality::Delta };
    let mut bench = Bench::new(vec![rule("p50 > 1", "10s")]);
    observe(&mut bench, kind, [10, 8, 0]);
    bench.go_to(5);
    assert!(bench.told.is_empty());
    observe(&mut bench, kind, [0, 22, 0]);
    bench.go_to(6);
    assert_eq!(bench.told, ["6 fires: p50 1.333 > 1"]);
}

#[test]
fn cumulative_histograms_count_by_what_they_add() {
    let kind = MetricKind::Histogram { temporality: Temporality::Cumulative };
    let mut bench = Bench::new(vec![rule("count > 5", "10s")]);
    observe(&mut bench, kind, [1_000, 0, 0]);
    bench.go_to(1);
    observe(&mut bench, kind, [1_005, 0, 0]);
    assert!(bench.told.is_empty());
    bench.go_to(2);
    observe(&mut bench, kind, [1_006, 0, 0]);
    assert_eq!(bench.told, ["2 fires: count 6 > 5"]);
}

#[test]
fn a_rate_is_what_a_counter_adds_by_the_second_and_last_is_how_it_stands() {
    let mut bench = Bench::new(vec![
        rule("rate > 5", "10s"),
        AlertRule { id: RuleId::parse("s").unwrap(), ..rule("last > 1000", "10s") },
    ]);
    bench.count(-1000, 900.0).go_to(1).count(-1000, 960.0);
    assert_eq!(bench.told, ["1 fires: rate 6 > 5"]);
    bench.go_to(2).count(-1000, 1001.0).go_to(3);
    assert_eq!(bench.told[1..], ["3 fires: last 1001 > 1000"]);
}

#[test]
fn a_group_without_data_fires_where_its_rule_says_so_and_goes_on_when_data_comes() {
    let after = std::time::Duration::from_secs(30);
    let mut bench =
        Bench::new(vec![AlertRule { no_data: NoData::Alert { after }, ..rule("max > 5", "10s") }]);
    bench.point(1.0).go_to(100).point(1.0).go_to(102);
    assert_eq!(bench.told, ["30 fires: no data for 30s", "101 resolves: max 1, no longer > 5"]);
}

#[test]
fn a_new_group_is_looked_at_only_after_its_grace() {
    let grace = HoldTime::parse("20s").unwrap();
    let mut bench = Bench::new(vec![AlertRule { new_group_grace: grace, ..rule("max > 5", "10s") }]);
    for at in 0..25 {
        bench.go_to(at).point(9.0);
    }
    assert_eq!(bench.told, ["20 fires: max 9 > 5"]);
}

#[test]
fn a_window_with_too_few_points_says_nothing() {
    let mut bench = Bench::new(vec![AlertRule { points_min: 3, ..rule("max > 5", "10s") }]);
    bench.point(9.0).go_to(1).point(9.0).go_to(2);
    assert!(bench.told.is_empty());
    bench.point(9.0);
    assert_eq!(bench.told, ["2 fires: max 9 > 5"]);
}

#[test]
fn a_rule_that_goes_resolves_what_it_fired_and_one_that_only_got_a_name_does_not() {
    let mut bench = Bench::new(vec![rule("max > 5", "10s")]);
    bench.point(9.0);
    let named = AlertRule { name: "Other".into(), ..rule("max > 5", "10s") };
    let set = |rules| RuleSet::new(rules).unwrap();
    let now = second(START + bench.now);
    assert!(bench.evaluator.replace_rules(&set(vec![named]), now).is_empty());
    let over = bench.evaluator.replace_rules(&set(vec![rule("min > 5", "10s")]), now);
    bench.tell(&over);
    assert_eq!(bench.told[1..], ["0 resolves: its rule was changed or taken away"]);
    assert_eq!(bench.evaluator.instances(), 0);
    bench.go_to(1).point(9.0).go_to(2);
    assert_eq!(bench.told[2..], ["2 fires: min 9 > 5"]);
}

#[test]
fn what_was_pending_before_a_restart_goes_on_without_the_time_in_between() {
    let rules = || vec![rule_for("max > 5", "1m", "20s")];
    let mut before = Bench::new(rules());
    before.point(9.0).go_to(15);
    let transition_key = before.evaluator.live_keys().pop().unwrap();
    let kept = before.evaluator.kept(&transition_key).unwrap();

    let mut after = Bench::new(rules());
    after.now = 100;
    let rule = Arc::new(rules().remove(0));
    let downtime = std::time::Duration::from_secs(85);
    assert!(after.evaluator.restore(Some(&rule), kept.clone(), downtime, second(START + 100)));
    let past =
        PastPoint { time: second(START + 100), start: Timestamp::EPOCH, value: PastValue::Number(9.0) };
    after.evaluator.refill(&series(&[]), vec![past], second(START + 100));
    after.go_to(104);
    assert!(after.told.is_empty(), "{:?}", after.told);
    after.go_to(105);
    assert_eq!(after.told, ["105 fires: max 9 > 5 for 20s"]);

    let gone = after.evaluator.restore(None, kept, downtime, second(START + 100));
    assert!(!gone);
}

#[test]
fn points_that_were_read_at_the_start_do_not_count_again() {
    let mut bench = Bench::new(vec![rule("count > 1", "1m")]);
    let past = PastPoint { time: second(START - 1), start: Timestamp::EPOCH, value: PastValue::Number(9.0) };
    let mut known = series(&[]);
    known.id = SeriesId(7);
    bench.evaluator.refill(&known, vec![past], second(START));
    bench.point_at(-1, 9.0);
    assert!(bench.told.is_empty());
    assert_eq!(bench.refused(), [(PointRefusal::Known, 1)]);
    bench.point(9.0);
    assert_eq!(bench.told, ["0 fires: count 2 > 1"]);
}
