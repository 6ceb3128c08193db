//! One rule of a rule file: fields as people write them become an [`AlertRule`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::annotations::Annotations;
use super::fields::{Fields, KnownFields, Problems, RuleFault};
use crate::alerting::domain::condition::{Comparison, Threshold};
use crate::alerting::domain::rule::AlertRule;
use crate::alerting::domain::rule_words::{
    AggregationKind, GroupBy, HoldTime, RuleId, Severity, WatchedMetric,
};
use crate::alerting::domain::window::EvaluationWindow;
use crate::shared::LabelFilter;

pub const RULE_FIELDS: KnownFields = KnownFields {
    accepted: &[
        "id",
        "name",
        "metric",
        "filter",
        "aggregation",
        "window",
        "groupBy",
        "thresholds",
        "for",
        "labels",
        "annotations",
        "channels",
    ],
    later: &["keepFiringFor", "noData"],
};

pub const THRESHOLD_FIELDS: KnownFields =
    KnownFields { accepted: &["severity", "op", "value"], later: &["recovery"] };

/// Aggregations that are described but not built yet, besides percentiles (`p99`).
const AGGREGATIONS_LATER: [&str; 3] = ["last", "rate", "increase"];

/// What rules are checked against.
#[derive(Debug)]
pub struct RuleReader<'a> {
    pub annotations: &'a Annotations,
    pub known_channels: &'a BTreeSet<String>,
}

impl RuleReader<'_> {
    /// The rule, or `None` after noting everything that is wrong with it.
    pub fn read(&self, value: &Value, problems: &mut Problems) -> Option<AlertRule> {
        let found_before = problems.found.len();
        let fields = Fields::of(value, "", &RULE_FIELDS, problems)?;
        let id = fields.text("id", problems).and_then(|id| problems.check("id", RuleId::parse(id)));
        let name = fields.text_or("name", id.as_ref().map_or("", RuleId::as_str), problems).map(Box::from);
        let metric = fields.text("metric", problems);
        let metric = metric.and_then(|text| problems.check("metric", WatchedMetric::parse(text)));
        let filter = fields.text_or("filter", "", problems);
        let filter = filter.and_then(|text| problems.check("filter", LabelFilter::parse(text)));
        let aggregation = fields.text("aggregation", problems);
        let aggregation = aggregation.and_then(|text| problems.check("aggregation", aggregation_of(text)));
        let window = fields.text("window", problems);
        let window = window.and_then(|text| problems.check("window", EvaluationWindow::parse(text)));
        let group_by = fields.texts("groupBy", problems);
        let group_by = group_by.and_then(|labels| problems.check("groupBy", GroupBy::parse(labels)));
        let threshold = threshold(&fields, problems);
        let hold = fields.text_or("for", "0s", problems);
        let hold = hold.and_then(|text| problems.check("for", HoldTime::parse(text)));
        let labels = fields.pairs("labels", problems);
        let annotations = self.annotations(&fields, problems);
        let channels = self.channels(&fields, problems);
        let rule = AlertRule {
            id: id?,
            name: name?,
            metric: metric?,
            filter: filter?,
            aggregation: aggregation?,
            window: window?,
            group_by: group_by?,
            threshold: threshold?,
            hold: hold?,
            labels: labels?,
            annotations: annotations?,
            channels: channels?,
        };
        // An unknown field spoils a rule whose other fields are fine.
        (problems.found.len() == found_before).then_some(rule)
    }

    fn annotations(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<(Box<str>, Box<str>)>> {
        let annotations = fields.pairs("annotations", problems)?;
        for (name, source) in &annotations {
            problems.check(&format!("annotations.{name}"), self.annotations.check(source));
        }
        Some(annotations)
    }

    fn channels(&self, fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<Box<str>>> {
        let channels = fields.texts("channels", problems)?;
        for channel in channels.iter().filter(|name| !self.known_channels.contains(&***name)) {
            problems.add(&format!("channels.{channel}"), RuleFault::UnknownChannel);
        }
        Some(channels)
    }
}

fn aggregation_of(text: &str) -> Result<AggregationKind, RuleFault> {
    let percentile = text.strip_prefix('p').is_some_and(|rank| rank.parse::<f64>().is_ok());
    if percentile || AGGREGATIONS_LATER.contains(&text) {
        return Err(RuleFault::NotSupportedYet);
    }
    AggregationKind::parse(text).ok_or(RuleFault::Word { allowed: "avg, min, max, sum, count" })
}

fn threshold(rule: &Fields<'_>, problems: &mut Problems) -> Option<Threshold> {
    rule.required("thresholds", problems)?;
    let [value] = rule.list("thresholds", problems)? else {
        problems.add("thresholds", RuleFault::OneThreshold);
        return None;
    };
    let fields = Fields::of(value, "thresholds.", &THRESHOLD_FIELDS, problems)?;
    let severity = fields.text("severity", problems).and_then(|text| {
        let word = Severity::parse(text).ok_or(RuleFault::Word { allowed: "INFO, WARN, ERROR, CRITICAL" });
        problems.check("thresholds.severity", word)
    });
    let comparison = fields.text("op", problems).and_then(|text| {
        let word = Comparison::parse(text).ok_or(RuleFault::Word { allowed: "> >= < <= == !=" });
        problems.check("thresholds.op", word)
    });
    let value = fields.required("value", problems).and_then(|value| {
        let number = value.as_f64().ok_or(RuleFault::Kind { expected: "a number" });
        problems.check("thresholds.value", number)
    });
    problems.check("thresholds.value", Threshold::new(severity?, comparison?, value?))
}
