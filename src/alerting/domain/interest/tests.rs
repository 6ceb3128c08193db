//! What is told of series and records is all that the rules can ask of them.

use proptest::prelude::*;

use super::*;
use crate::alerting::domain::fixtures::{rule_with, series};
use crate::alerting::domain::rule::RuleSet;
use crate::alerting::domain::watchlist::{Watchlist, WatchlistLimits};
use crate::shared::{BodyType, LogRow, SeriesWatch, Timestamp};

fn watchlist(rules: Vec<AlertRule>) -> Watchlist {
    Watchlist::new(&RuleSet::new(rules).unwrap(), WatchlistLimits::default())
}

fn rule(id: &str, filter: &str, group_by: &[&str]) -> AlertRule {
    let mut rule = rule_with(id, "max > 1", group_by);
    rule.measure.filter = LabelFilter::parse(filter).unwrap();
    rule
}

fn groups(list: &Watchlist, series: &SeriesIdentity) -> Vec<(String, Vec<Box<str>>)> {
    let groups = list.groups_of(list.watch(series)).unwrap_or_default();
    let groups = groups.iter().map(|id| list.group(*id).unwrap());
    groups.map(|group| (group.rule.id.to_string(), group.values.to_vec())).collect()
}

#[test]
fn labels_that_nobody_asks_for_are_left_out() {
    let (_, interest) = watchlist(vec![rule("r", r#"app = "shop""#, &["host"])]).interest();
    let told = interest.series(&series(&[("app", "shop"), ("host", "a"), ("pod", "x")])).unwrap();
    let names: Vec<&str> = told.attributes.iter().map(|attribute| &*attribute.key).collect();
    assert_eq!(names, ["app", "host"]);
    assert!(interest.series(&series(&[("app", "other")])).is_none());
    let other = SeriesIdentity { metric: "other".into(), ..series(&[("app", "shop")]) };
    assert!(interest.series(&other).is_none());
}

#[test]
fn rules_that_look_at_the_same_are_told_of_once() {
    let rules = vec![rule("a", "", &["host"]), rule("b", "", &["pod"]), rule("c", "pod exists", &[])];
    let (_, interest) = watchlist(rules).interest();
    assert_eq!(interest.looks().count(), 2);
}

#[test]
fn of_log_records_and_spans_the_labels_are_told_that_are_asked_for() {
    let mut errors = rule("errors", r#"severity = "error""#, &["service.name"]);
    errors.measure.source = Source::Logs;
    let (_, interest) = watchlist(vec![errors]).interest();
    let mut columns = LogColumns::new(TenantId::unnamed());
    for severity in [17, 9] {
        columns.bodies.open().extend_from_slice(b"a long text");
        columns.push(&LogRow {
            time: Timestamp::from_nanos(5),
            observed: Timestamp::EPOCH,
            trace_id: None,
            span_id: None,
            flags: 0,
            severity,
            severity_text: 0,
            event_name: 0,
            body_type: BodyType::String,
            dropped_attributes: 0,
            origin: 0,
        });
    }
    let told = interest.logs(&columns);
    let labels: Vec<_> = told.iter().map(|record| (record.time.nanos(), &*record.labels)).collect();
    assert_eq!(labels, [(5, &[("severity".into(), "error".into())][..])]);
}

fn texts() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "b", "shop"])
}

fn filters() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        r#"app = "a""#,
        r#"app != "a""#,
        "app exists",
        "app not exists",
        r#"host =~ "a|b" and zone !~ "s.*""#,
        r#"zone in ("a", "") and app not in ("b")"#,
    ])
}

proptest! {
    /// Whatever the rules and the labels: what is told of a series feeds the groups that the series itself would feed.
    #[test]
    fn a_series_as_it_is_told_feeds_the_same_groups(
        looks in prop::collection::vec((filters(), prop::sample::subsequence(vec!["app", "host", "zone"], 0..=2)), 1..6),
        labels in prop::collection::btree_map(prop::sample::select(vec!["app", "host", "pod", "zone"]), texts(), 0..4),
    ) {
        let rules = looks.iter().enumerate().map(|(at, (filter, by))| rule(&format!("r{at}"), filter, by));
        let list = watchlist(rules.collect());
        let (_, interest) = list.interest();
        let labels: Vec<(&str, &str)> = labels.into_iter().collect();
        let whole = series(&labels);
        let direct = groups(&list, &whole);
        let told = interest.series(&whole).map(|told| groups(&list, &told)).unwrap_or_default();
        prop_assert_eq!(told, direct);
    }
}
