//! Rules, series and times for the tests of this context.

use std::sync::Arc;

use super::aggregation::AggregationKind;
use super::condition::{Comparison, Threshold};
use super::evaluator::{AlertEvaluator, EvaluatorLimits};
use super::rule::{Activity, AlertRule, Measure, NoData, RuleSet, Source};
use super::rule_words::{GroupBy, HoldTime, RuleId, Severity, WatchedMetric};
use super::state::Change;
use super::thresholds::Thresholds;
use super::transition::Transition;
use super::watchlist::{Watchlist, WatchlistLimits};
use super::window::EvaluationWindow;
use crate::shared::{
    Attribute, LabelFilter, MetricKind, SeriesId, SeriesIdentity, Temporality, TenantId, Timestamp,
};

/// A cumulative monotonic sum.
pub const COUNTER: MetricKind = MetricKind::Sum { temporality: Temporality::Cumulative, monotonic: true };

/// So many seconds after the epoch.
pub fn second(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// A rule `r` over the metric `m`, given a condition like `avg > 5`.
pub fn rule(condition: &str, window: &str) -> AlertRule {
    let [aggregation, symbol, value] = condition.split(' ').collect::<Vec<_>>()[..] else {
        panic!("a condition has three words: {condition}")
    };
    let comparison = Comparison::parse(symbol).unwrap();
    let aggregation = AggregationKind::parse(aggregation).unwrap();
    let threshold = Threshold::new(Severity::Critical, comparison, value.parse().unwrap()).unwrap();
    AlertRule {
        id: RuleId::parse("r").unwrap(),
        name: "Rule".into(),
        tenant: None,
        measure: Measure {
            source: Source::Metric(WatchedMetric::parse("m").unwrap()),
            filter: LabelFilter::default(),
            aggregation,
            window: EvaluationWindow::parse(window).unwrap(),
            group_by: GroupBy::default(),
        },
        thresholds: Thresholds::new(vec![threshold], aggregation).unwrap(),
        hold: HoldTime::default(),
        keep_firing: HoldTime::default(),
        no_data: NoData::default(),
        points_min: 1,
        new_group_grace: HoldTime::default(),
        labels: Vec::new(),
        annotations: Vec::new(),
        channels: vec!["slack".into()],
        activity: Activity::Enabled,
    }
}

pub fn rule_for(condition: &str, window: &str, hold: &str) -> AlertRule {
    AlertRule { hold: HoldTime::parse(hold).unwrap(), ..rule(condition, window) }
}

pub fn rule_with(id: &str, condition: &str, group_by: &[&str]) -> AlertRule {
    let mut rule = AlertRule { id: RuleId::parse(id).unwrap(), ..rule(condition, "1m") };
    rule.measure.group_by = GroupBy::parse(group_by.iter().map(|label| (*label).into()).collect()).unwrap();
    rule
}

/// An evaluator of these rules, and its watchlist.
pub fn evaluator(rules: Vec<AlertRule>, limits: EvaluatorLimits) -> (Arc<Watchlist>, AlertEvaluator) {
    let rules = RuleSet::new(rules).unwrap();
    let watchlist = Arc::new(Watchlist::new(&rules, WatchlistLimits::default()));
    let evaluator = AlertEvaluator::new(&rules, Arc::clone(&watchlist), limits);
    (watchlist, evaluator)
}

/// What people are told by a transition, in a word; absent if they are not told.
pub fn told(transition: &Transition) -> Option<&'static str> {
    transition.change.is_told().then_some(match transition.change {
        Change::Triggered { .. } => "fires",
        Change::Resolved { .. } => "resolves",
        _ => "shifts",
    })
}

/// A series of the metric `m`, with attributes given in the order of their names.
pub fn series(attributes: &[(&str, &str)]) -> SeriesIdentity {
    let attribute = |(key, value): &(&str, &str)| Attribute { key: (*key).into(), value: (*value).into() };
    let attributes = attributes.iter().map(attribute).collect();
    SeriesIdentity::labelled(SeriesId(1), TenantId::unnamed(), "m".into(), MetricKind::Gauge, attributes)
}
