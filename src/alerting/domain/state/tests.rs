//! Looks at a window, one a second, and the changes that they make.

use super::*;
use crate::alerting::domain::condition::Comparison;
use crate::alerting::domain::fixtures::{rule, second};
use crate::alerting::domain::rule::NoData;
use crate::alerting::domain::rule_words::HoldTime;
use crate::alerting::domain::thresholds::Thresholds;

fn with_times(hold: &str, keep_firing: &str) -> AlertRule {
    let time = |text| HoldTime::parse(text).unwrap();
    AlertRule { hold: time(hold), keep_firing: time(keep_firing), ..rule("avg > 5", "1m") }
}

/// WARN above 5, over at 3; CRITICAL above 10, over at 8.
fn two_levels(hold: &str) -> AlertRule {
    let level = |severity, value, recovery| {
        Threshold::new(severity, Comparison::Above, value).unwrap().with_recovery(recovery).unwrap()
    };
    let rule = with_times(hold, "0s");
    let levels = vec![level(Severity::Warn, 5.0, 3.0), level(Severity::Critical, 10.0, 8.0)];
    AlertRule { thresholds: Thresholds::new(levels, rule.measure.aggregation).unwrap(), ..rule }
}

fn value(value: f64) -> Look {
    Look::Window(WindowValues {
        closed: Some(value),
        open: None,
        extent: Extent::Whole,
        signs: SeenValues::NonNegative,
    })
}

/// Looks once a second; the changes in short: `3 fires WARN`.
fn changes(rule: &AlertRule, looks: &[Look]) -> Vec<String> {
    let mut course = Course::default();
    let mut told = Vec::new();
    for (at, look) in (0..).zip(looks) {
        let (next, change) = course.after(*look, rule, second(at));
        course = next;
        told.extend(change.map(|change| format!("{at} {}", text(change))));
    }
    told
}

fn text(change: Change) -> String {
    match change {
        Change::Pended { .. } => "pending".to_owned(),
        Change::Calmed { .. } => "calm".to_owned(),
        Change::Triggered { severity, cause, .. } => format!("fires {} {cause:?}", severity.name()),
        Change::Shifted { from, severity, .. } => format!("{} to {}", from.name(), severity.name()),
        Change::Recovering { .. } => "recovering".to_owned(),
        Change::Relapsed { .. } => "relapsed".to_owned(),
        Change::Resolved { peak, ending, .. } => format!("resolved {peak:?} {ending:?}"),
    }
}

#[test]
fn without_for_a_condition_fires_at_once() {
    assert_eq!(changes(&with_times("0s", "0s"), &[value(6.0)]), ["0 fires CRITICAL Value(6.0)"]);
}

#[test]
fn a_condition_fires_when_it_has_held_for_long_enough() {
    let found = changes(&with_times("2s", "0s"), &[1.0, 6.0, 7.0, 8.0, 9.0].map(value));
    assert_eq!(found, ["1 pending", "3 fires CRITICAL Value(8.0)"]);
}

#[test]
fn a_condition_that_fails_in_between_starts_anew() {
    let rule = with_times("2s", "0s");
    let found = changes(&rule, &[6.0, 6.0, 1.0, 6.0, 6.0, 6.0].map(value));
    assert_eq!(found, ["0 pending", "2 calm", "3 pending", "5 fires CRITICAL Value(6.0)"]);
    let silent = changes(&rule, &[value(6.0), Look::NoData, value(6.0), value(6.0)]);
    assert_eq!(silent, ["0 pending", "1 calm", "2 pending"]);
}

#[test]
fn it_resolves_with_its_peak() {
    let rule = with_times("0s", "0s");
    let found = changes(&rule, &[6.0, 9.0, 7.0, 2.0].map(value));
    assert_eq!(found[1], "3 resolved Some(9.0) Value(Some(2.0))");
    let silent = changes(&rule, &[value(6.0), Look::Undecided, Look::NoData]);
    assert_eq!(silent[1], "2 resolved Some(6.0) NoData");
}

#[test]
fn too_little_data_changes_nothing() {
    let rule = with_times("1s", "0s");
    assert!(changes(&rule, &[Look::Undecided, Look::Undecided]).is_empty());
    let found = changes(&rule, &[value(6.0), Look::Undecided, value(6.0)]);
    assert_eq!(found, ["0 pending", "2 fires CRITICAL Value(6.0)"]);
}

#[test]
fn the_worst_threshold_that_held_gives_the_severity() {
    let found = changes(&two_levels("0s"), &[6.0, 11.0, 9.0, 8.0, 4.0, 3.0].map(value));
    assert_eq!(
        found,
        [
            "0 fires WARN Value(6.0)",
            "1 WARN to CRITICAL",
            "3 CRITICAL to WARN",
            "5 resolved Some(11.0) Value(Some(3.0))"
        ]
    );
}

#[test]
fn a_worse_threshold_has_to_hold_for_its_time_too() {
    let found = changes(&two_levels("2s"), &[6.0, 6.0, 6.0, 11.0, 11.0, 11.0].map(value));
    assert_eq!(found, ["0 pending", "2 fires WARN Value(6.0)", "5 WARN to CRITICAL"]);
    let short = changes(&two_levels("2s"), &[6.0, 6.0, 6.0, 11.0, 6.0, 11.0, 6.0].map(value));
    assert_eq!(short.len(), 2);
}

#[test]
fn a_value_between_threshold_and_recovery_does_not_begin_to_fire() {
    assert!(changes(&two_levels("0s"), &[4.0, 5.0].map(value)).is_empty());
}

#[test]
fn it_fires_on_while_it_recovers_and_a_relapse_is_no_news() {
    let found = changes(&with_times("0s", "3s"), &[6.0, 1.0, 1.0, 6.0, 1.0, 1.0, 1.0, 1.0].map(value));
    assert_eq!(
        found,
        [
            "0 fires CRITICAL Value(6.0)",
            "1 recovering",
            "3 relapsed",
            "4 recovering",
            "7 resolved Some(6.0) Value(Some(1.0))"
        ]
    );
}

#[test]
fn what_is_met_again_while_it_recovers_need_not_hold_for_as_long_again() {
    let found = changes(&with_times("2s", "3s"), &[6.0, 6.0, 6.0, 1.0, 1.0, 6.0, 6.0, 6.0].map(value));
    assert_eq!(found, ["0 pending", "2 fires CRITICAL Value(6.0)", "3 recovering", "5 relapsed"]);
}

#[test]
fn what_happens_without_data_is_as_the_rule_says() {
    let with = |no_data| AlertRule { no_data, ..with_times("0s", "0s") };
    let after = Duration::from_secs(1);
    let looks = [value(6.0), Look::NoData, Look::NoData, value(1.0)];
    assert_eq!(changes(&with(NoData::Keep), &looks)[1..], ["3 resolved Some(6.0) Value(Some(1.0))"]);
    assert_eq!(
        changes(&with(NoData::Resolve { after: Some(after) }), &looks)[1..],
        ["1 resolved Some(6.0) NoData"]
    );
    let alert = with(NoData::Alert { after });
    assert_eq!(changes(&alert, &looks)[1..], ["1 CRITICAL to CRITICAL", "3 resolved None Value(Some(1.0))"]);
    let quiet = changes(&alert, &[value(1.0), Look::NoData, Look::NoData, value(7.0)]);
    assert_eq!(quiet, ["1 fires CRITICAL NoData", "3 CRITICAL to CRITICAL"]);
}

#[test]
fn time_that_nobody_watched_does_not_count() {
    let rule = with_times("10s", "0s");
    let (mut course, _) = Course::default().after(value(6.0), &rule, second(0));
    course.skip(Duration::from_secs(100));
    let (course, change) = course.after(value(6.0), &rule, second(105));
    assert_eq!(change, None);
    let (_, change) = course.after(value(6.0), &rule, second(110));
    assert!(matches!(change, Some(Change::Triggered { .. })));
}

#[test]
fn a_rule_that_goes_ends_what_fires() {
    let rule = with_times("0s", "0s");
    assert_eq!(Course::default().end(), None);
    let (course, _) = Course::default().after(value(6.0), &rule, second(0));
    assert!(matches!(course.end(), Some(Change::Resolved { ending: Ending::RuleChanged, .. })));
}

#[test]
fn what_more_data_cannot_undo_counts_before_the_pane_closes() {
    let rule = rule("max > 5", "1m");
    let look = |open, closed| {
        let signs = SeenValues::NonNegative;
        Look::Window(WindowValues { closed, open: Some(open), extent: Extent::Whole, signs })
    };
    let found =
        changes(&rule, &[look(4.0, None), look(6.0, None), look(1.0, Some(6.0)), look(1.0, Some(1.0))]);
    assert_eq!(found, ["1 fires CRITICAL Value(6.0)", "3 resolved Some(6.0) Value(Some(1.0))"]);
}
