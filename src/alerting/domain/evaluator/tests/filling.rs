//! Rules that are new while others are evaluated: they look at what was stored before them, and count nothing twice.

use proptest::prelude::*;

use super::*;
use crate::shared::SeriesIdentity;

const OTHER: &str = "other";

fn stored(kind: MetricKind) -> SeriesIdentity {
    SeriesIdentity { id: SeriesId(7), kind, ..series(&[]) }
}

fn past(points: &[(i64, f64)]) -> Vec<PastPoint> {
    let point = |(at, value): &(i64, f64)| PastPoint {
        time: second(START + at),
        start: Timestamp::EPOCH,
        value: PastValue::Number(*value),
    };
    points.iter().map(point).collect()
}

impl Bench {
    /// Puts rules in force as the server does: those that are new wait for their past.
    fn put(&mut self, before: &[AlertRule], rules: &[AlertRule]) -> &mut Self {
        let now = second(START + self.now);
        let [before, rules] = [before, rules].map(|rules| RuleSet::new(rules.to_vec()).unwrap());
        let transitions = self.evaluator.replace_rules(&rules, now);
        self.tell(&transitions);
        self.evaluator.hold(rules.measured_anew_since(&before));
        self
    }

    fn begin(&mut self) -> usize {
        self.evaluator.begin_fill().len()
    }

    fn fill(&mut self, kind: MetricKind, points: &[(i64, f64)]) -> &mut Self {
        self.evaluator.fill(&stored(kind), past(points), second(START + self.now));
        self
    }

    fn end(&mut self) -> &mut Self {
        let transitions = self.evaluator.end_fill(second(START + self.now));
        self.tell(&transitions);
        self
    }
}

#[test]
fn a_new_rule_fires_over_what_came_before_it_without_another_point() {
    let mut bench = Bench::new(vec![]);
    bench.go_to(10).put(&[], &[rule("sum > 5", "1m")]);
    assert_eq!(bench.begin(), 1);
    bench.fill(MetricKind::Gauge, &[(1, 3.0), (8, 3.0)]).go_to(12);
    assert!(bench.told.is_empty(), "its past may not be whole yet");
    bench.end().go_to(13);
    assert_eq!(bench.told, ["13 fires: sum 6 > 5"]);
}

#[test]
fn what_comes_while_the_past_is_read_waits_and_is_counted_once() {
    let mut bench = Bench::new(vec![]);
    bench.go_to(10).put(&[], &[rule("sum > 9", "1m")]).point(2.0);
    assert_eq!(bench.begin(), 1);
    bench.go_to(11).point(2.0);
    // What was read has the first of these, and one of which an event tells later.
    bench.fill(MetricKind::Gauge, &[(5, 2.0), (10, 2.0)]).go_to(12).point(2.0).end();
    assert_eq!(bench.refused(), [(PointRefusal::Known, 1)]);
    bench.point_at(9, 2.0).go_to(14);
    assert_eq!(bench.refused(), [(PointRefusal::Known, 1)]);
    assert!(bench.told.is_empty(), "8 by now");
    bench.point(2.0);
    assert_eq!(bench.told, ["14 fires: sum 10 > 9"]);
}

#[test]
fn other_rules_go_on_meanwhile_and_take_what_the_new_one_knows() {
    let old = rule_with(OTHER, "sum > 5", &[]);
    let mut bench = Bench::new(vec![old.clone()]);
    bench.point(3.0).go_to(10).put(std::slice::from_ref(&old), &[old.clone(), rule("sum > 7", "1m")]);
    assert_eq!(bench.begin(), 1);
    bench.point(3.0);
    assert_eq!(bench.told, ["10 fires: sum 6 > 5"]);
    bench.fill(MetricKind::Gauge, &[(0, 3.0), (10, 3.0), (11, 3.0)]).go_to(11).end().go_to(12);
    assert_eq!(bench.told[1..], ["12 fires: sum 9 > 7"]);
    let old_sum =
        |bench: &Bench| bench.evaluator.groups_of(&old.key()).next().unwrap().1.episode().unwrap().peak;
    assert_eq!(old_sum(&bench), Some(6.0));
    bench.point_at(11, 3.0).go_to(13);
    assert_eq!(old_sum(&bench), Some(9.0));
    assert_eq!(bench.told.len(), 2);
}

#[test]
fn a_counter_is_compared_with_what_was_stored_of_it() {
    for read in [true, false] {
        let mut bench = Bench::new(vec![]);
        bench.go_to(10).put(&[], &[rule("increase > 50", "1m")]);
        assert_eq!(bench.begin(), 1);
        bench.count(-1_000_000, 140.0).go_to(11).count(-1_000_000, 150.0);
        if read {
            bench.fill(COUNTER, &[(1, 95.0), (5, 100.0)]);
        }
        bench.end().go_to(12).count(-1_000_000, 151.0).go_to(13);
        let expected: &[&str] = if read { &["11 fires: increase 55 > 50"] } else { &[] };
        assert_eq!(bench.told, expected);
        bench.count(-1_000_000, 201.0);
        assert_eq!(bench.told.len(), 1, "61 since the first point that was seen");
    }
}

#[test]
fn a_rule_that_changes_again_is_filled_again_and_one_that_goes_is_forgotten() {
    let (first, changed) = (rule("sum > 5", "1m"), rule("sum > 5", "2m"));
    let mut bench = Bench::new(vec![]);
    bench.go_to(100).put(&[], std::slice::from_ref(&first)).point(1.0);
    assert_eq!(bench.begin(), 1);
    bench.fill(MetricKind::Gauge, &[(99, 4.0)]);
    bench.put(std::slice::from_ref(&first), std::slice::from_ref(&changed)).point(1.0);
    bench.fill(MetricKind::Gauge, &[(98, 100.0)]).end().go_to(101);
    assert!(bench.told.is_empty(), "what was read for the rule of before is not for this one");
    assert_eq!(bench.begin(), 1);
    bench.fill(MetricKind::Gauge, &[(10, 4.0), (99, 4.0)]).end().go_to(102);
    assert_eq!(bench.told, ["101 fires: sum 8 > 5"]);

    let mut bench = Bench::new(vec![]);
    bench.put(&[], std::slice::from_ref(&first)).point(9.0).put(std::slice::from_ref(&first), &[]);
    assert_eq!(bench.begin(), 0);
    bench.end().go_to(5);
    assert!(bench.told.is_empty());
    assert_eq!(bench.evaluator.instances(), 0);
}

#[test]
fn other_thresholds_and_rules_that_were_there_wait_for_nothing() {
    let (first, other) = (rule("sum > 5", "1m"), rule("sum > 4", "1m"));
    let mut bench = Bench::new(vec![first.clone()]);
    bench.put(std::slice::from_ref(&first), &[other]);
    assert_eq!(bench.begin(), 0);
    bench.point(5.0);
    assert_eq!(bench.told, ["0 fires: sum 5 > 4"]);
}

#[test]
fn when_too_much_waits_the_rule_goes_on_without_its_past() {
    let mut bench = Bench::new(vec![]);
    bench.put(&[], &[rule("count > 99999", "1m")]);
    assert_eq!(bench.begin(), 1);
    let rows: Vec<_> = (0..100_000).map(|_| row(0, 1.0)).collect();
    bench.send("default", &[], MetricKind::Gauge, &rows);
    assert_eq!(bench.evaluator.take_counts().fills_given_up, 0);
    bench.point(1.0);
    assert_eq!(bench.evaluator.take_counts().fills_given_up, 1);
    assert_eq!(bench.told.len(), 1, "{:?}", bench.told);
    bench.fill(MetricKind::Gauge, &[(0, 1.0)]).end();
    assert!(bench.refused().is_empty(), "what is read by now is for nobody");
}

/// What the rule says each second, once it is evaluated.
fn firing(bench: &Bench, rule: &AlertRule) -> Option<bool> {
    bench.evaluator.groups_of(&rule.key()).next().map(|(_, course)| course.episode().is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A point comes each second, and is told of by an event some seconds after it is stored.
    #[test]
    fn once_it_is_filled_a_new_rule_says_what_it_would_had_it_always_been_there(
        values in proptest::collection::vec(0_u8..10, 90..140),
        counts in any::<bool>(),
        threshold in 10_u8..60,
        (made, settles, takes, lag) in (30_i64..60, 0_i64..5, 0_i64..8, 0_i64..4),
    ) {
        let kind = if counts { COUNTER } else { MetricKind::Gauge };
        let rule = rule(&format!("sum > {threshold}"), "10s");
        let mut total = 0.0;
        let stored: Vec<(i64, f64)> = (0..).zip(&values).map(|(at, value)| {
            total = if counts { total + f64::from(*value) } else { f64::from(*value) };
            (at, total)
        }).collect();
        let (mut always, mut new) = (Bench::new(vec![rule.clone()]), Bench::new(vec![]));
        let end = i64::try_from(values.len()).unwrap() + lag;
        for now in 0..end {
            always.go_to(now);
            new.go_to(now);
            if now == made {
                new.put(&[], std::slice::from_ref(&rule));
            }
            if now == made + settles {
                prop_assert_eq!(new.begin(), 1);
                let until = usize::try_from(now + 1).unwrap().min(stored.len());
                new.fill(kind, &stored[..until]);
            }
            if now == made + settles + takes {
                new.end();
            }
            if let Some((at, value)) = usize::try_from(now - lag).ok().and_then(|at| stored.get(at)) {
                for bench in [&mut always, &mut new] {
                    bench.send("default", &[], kind, &[row(*at, *value)]);
                }
            }
            // What was read goes ahead of the events by their lag.
            if now > made + settles + takes + lag + 1 {
                prop_assert_eq!(firing(&always, &rule), firing(&new, &rule), "at {}", now);
            }
        }
    }
}
