//! Backtests over series whose past is known.

use super::*;
use crate::alerting::domain::fixtures::{rule, rule_with, second, series};
use crate::alerting::domain::rule::Source;
use crate::shared::{LabelFilter, PastValue, SeriesId};

/// A moment at which panes begin.
const START: i64 = 864_864_000;

fn past(number: u64, attributes: &[(&str, &str)], values: &[(i64, f64)]) -> PastSeries {
    let mut series = series(attributes);
    series.id = SeriesId(number);
    let point = |(at, value): &(i64, f64)| PastPoint {
        time: second(START + at),
        start: Timestamp::EPOCH,
        value: PastValue::Number(*value),
    };
    PastSeries { series, points: values.iter().map(point).collect() }
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(second(START + from), second(START + to)).unwrap()
}

fn told(played: &Played) -> Vec<String> {
    let line = |transition: &Transition| {
        let at = transition.at.since(second(START)).as_secs();
        format!("{at} {}: {}", transition.kind(), transition.reason())
    };
    played.transitions.iter().map(line).collect()
}

fn play(rule: AlertRule, past: Vec<PastSeries>, range: TimeRange, wanted: Wanted) -> Played {
    backtest(Arc::new(rule), Evidence::Series(past), range, Lateness::default(), wanted).unwrap()
}

#[test]
fn a_backtest_tells_what_the_rule_would_have_done() {
    let series = past(1, &[], &[(0, 1.0), (10, 9.0), (20, 1.0), (30, 1.0), (40, 1.0)]);
    let played = play(rule("max > 5", "10s"), vec![series], range(0, 50), Wanted::Told);
    assert_eq!(told(&played), ["10 firing: max 9 > 5", "21 resolved: max 1, no longer > 5"]);
    assert_eq!(played.count, 2);
}

#[test]
fn what_came_before_the_range_fills_the_window_and_is_not_told() {
    let values: Vec<(i64, f64)> = (-10..20).map(|at| (at, if at < 0 { 9.0 } else { 1.0 })).collect();
    let played = play(rule("avg > 8", "10s"), vec![past(1, &[], &values)], range(0, 20), Wanted::Told);
    assert_eq!(told(&played), ["0 firing: avg 9 > 8", "2 resolved: avg 7.4, no longer > 8"]);
}

#[test]
fn groups_come_together_in_order_of_time() {
    let series = [("a", 30), ("b", 10)]
        .map(|(host, at)| past(u64::try_from(at).unwrap(), &[("host", host)], &[(at, 9.0)]));
    let played = play(rule_with("r", "max > 5", &["host"]), series.into(), range(0, 35), Wanted::Told);
    let hosts: Vec<_> =
        played.transitions.iter().map(|one| one.labels().get("host").unwrap().to_owned()).collect();
    assert_eq!(hosts, ["b", "a"]);
}

#[test]
fn long_windows_are_looked_at_pane_by_pane() {
    let day = 86_400;
    let values: Vec<(i64, f64)> = (0..2 * day).step_by(600).map(|at| (at, 9.0)).collect();
    let played = play(rule("avg > 5", "24h"), vec![past(1, &[], &values)], range(0, 2 * day), Wanted::Told);
    assert_eq!(told(&played), ["1440 firing: avg 9 > 5"]);
}

#[test]
fn records_count_in_the_windows_of_before_and_each_for_its_group() {
    let mut rule = rule_with("r", "count > 2", &["host"]);
    rule.measure.source = Source::Logs;
    rule.measure.filter = LabelFilter::parse("severity = \"error\"").unwrap();
    let record = |(at, severity, host): (i64, &str, &str)| PastRecord {
        time: second(START + at),
        labels: [("severity", severity), ("host", host)]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        duration: None,
    };
    let records =
        [(-9, "error", "a"), (-5, "error", "a"), (-1, "info", "a"), (3, "error", "b"), (4, "error", "a")];
    let tenant = TenantId::unnamed();
    let past = Evidence::Records { tenant, records: records.map(record).into() };
    let played = backtest(Arc::new(rule), past, range(0, 20), Lateness::default(), Wanted::Told).unwrap();
    assert_eq!(told(&played), ["4 firing: count 3 > 2"]);
    assert_eq!(played.transitions[0].labels().get("host"), Some("a"));
}

#[test]
fn time_and_groups_are_bounded() {
    let long = backtest(
        Arc::new(rule("max > 5", "10s")),
        Evidence::Series(Vec::new()),
        range(0, 300_000),
        Lateness::default(),
        Wanted::Told,
    );
    assert_eq!(long.unwrap_err(), RehearsalError::TooLong);

    let PastSeries { series, points } = past(1, &[], &[(0, 1.0), (5, 1.0), (9, 1.0)]);
    let arrivals = points
        .into_iter()
        .map(|point| Arrival { at: point.time, what: Arriving::Point { series: 0, point } })
        .collect();
    let busy = Rehearsal {
        rules: RuleSet::new(vec![rule("max > 5", "10s")]).unwrap(),
        lateness: Lateness::default(),
        series: vec![series],
        arrivals,
        from: second(START),
        to: second(START + 20),
        step: SECOND,
        restart: None,
        looks_max: 10,
    };
    assert_eq!(busy.play(Wanted::Told).unwrap_err(), RehearsalError::TooManyLooks);
}

#[test]
fn transitions_beyond_the_first_are_counted() {
    let values: Vec<(i64, f64)> = (0..4_000).map(|at| (at, if at % 4 < 2 { 9.0 } else { 1.0 })).collect();
    let played = play(rule("max > 5", "1s"), vec![past(1, &[], &values)], range(0, 4_000), Wanted::All);
    assert_eq!((played.transitions.len(), played.count > 1_900), (TRANSITIONS_MAX, true));
}

#[test]
fn points_that_are_not_evaluated_are_counted() {
    let series = past(1, &[], &[(0, 1.0), (1, f64::NAN)]);
    let played = play(rule("max > 5", "10s"), vec![series], range(0, 5), Wanted::Told);
    assert_eq!(played.refused, BTreeMap::from([(PointRefusal::NotANumber, 1)]));
}
