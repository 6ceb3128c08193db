//! One rule of a rule file: fields as people write them become an [`AlertRule`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::annotations::Annotations;
use super::fields::{Fields, KnownFields, Problems, RuleFault};
use crate::alerting::domain::aggregation::AggregationKind;
use crate::alerting::domain::alert::{NAME_LABEL, SEVERITY_LABEL};
use crate::alerting::domain::condition::{Comparison, Threshold};
use crate::alerting::domain::rule::{Activity, AlertRule, Measure, NoData, Source};
use crate::alerting::domain::rule_words::{GroupBy, HoldTime, RuleId, Severity, WatchedMetric};
use crate::alerting::domain::thresholds::Thresholds;
use crate::alerting::domain::window::EvaluationWindow;
use crate::shared::{LabelFilter, TenantId};

pub const RULE_FIELDS: KnownFields = KnownFields(&[
    "id",
    "name",
    "tenant",
    "enabled",
    "source",
    "metric",
    "filter",
    "aggregation",
    "window",
    "groupBy",
    "thresholds",
    "for",
    "keepFiringFor",
    "noData",
    "minPoints",
    "newGroupGrace",
    "labels",
    "annotations",
    "channels",
]);

pub const THRESHOLD_FIELDS: KnownFields = KnownFields(&["severity", "op", "value", "recovery"]);
pub const NO_DATA_FIELDS: KnownFields = KnownFields(&["after", "action"]);

/// Most points that a window can be asked to have.
pub const POINTS_MIN_MAX: u64 = 1_000_000;
/// Names that alerts give to labels of their own.
const RESERVED_LABELS: [&str; 2] = [NAME_LABEL, SEVERITY_LABEL];

/// What rules are checked against.
#[derive(Debug)]
pub struct RuleReader<'a> {
    pub annotations: &'a Annotations,
    /// Absent where rules may name any channel.
    pub known_channels: Option<&'a BTreeSet<String>>,
}

impl RuleReader<'_> {
    /// The rule, or `None` after noting everything that is wrong with it.
    pub fn read(&self, value: &Value, problems: &mut Problems) -> Option<AlertRule> {
        let found_before = problems.found.len();
        let fields = Fields::of(value, "", &RULE_FIELDS, problems)?;
        let id = fields.text("id", problems).and_then(|id| problems.check("id", RuleId::parse(id)));
        let name = fields.text_or("name", id.as_ref().map_or("", RuleId::as_str), problems).map(Box::from);
        let tenant = tenant(&fields, problems);
        let activity = fields.flag_or("enabled", true, problems);
        let measure = measure(&fields, problems);
        let aggregation = measure.as_ref().map(|measure| measure.aggregation);
        let thresholds = thresholds(&fields, aggregation, problems);
        let hold = wait(&fields, "for", problems);
        let keep_firing = wait(&fields, "keepFiringFor", problems);
        let new_group_grace = wait(&fields, "newGroupGrace", problems);
        let no_data = no_data(&fields, problems);
        let points_min = fields.count_or("minPoints", 1, 1..=POINTS_MIN_MAX, problems);
        let labels = labels(&fields, problems);
        let annotations = self.annotations(&fields, problems);
        let channels = self.channels(&fields, problems);
        let rule = AlertRule {
            id: id?,
            name: name?,
            tenant: tenant?,
            measure: measure?,
            thresholds: thresholds?,
            hold: hold?,
            keep_firing: keep_firing?,
            no_data: no_data?,
            points_min: points_min?,
            new_group_grace: new_group_grace?,
            labels: labels?,
            annotations: annotations?,
            channels: channels?,
            activity: if activity? { Activity::Enabled } else { Activity::Disabled },
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
        let is_known = |name: &str| self.known_channels.is_none_or(|known| known.contains(name));
        for channel in channels.iter().filter(|name| !is_known(name)) {
            problems.add(&format!("channels.{channel}"), RuleFault::UnknownChannel);
        }
        Some(channels)
    }
}

fn tenant(fields: &Fields<'_>, problems: &mut Problems) -> Option<Option<TenantId>> {
    match fields.text_or("tenant", "", problems)? {
        "" => Some(None),
        text => problems.check("tenant", TenantId::parse(text)).map(Some),
    }
}

fn measure(fields: &Fields<'_>, problems: &mut Problems) -> Option<Measure> {
    let source = source(fields, problems);
    let filter = fields.text_or("filter", "", problems);
    let filter = filter.and_then(|text| problems.check("filter", LabelFilter::parse(text)));
    let aggregation = fields.text("aggregation", problems);
    let aggregation = aggregation.and_then(|text| problems.check("aggregation", aggregation_of(text)));
    let window = fields.text("window", problems);
    let window = window.and_then(|text| problems.check("window", EvaluationWindow::parse(text)));
    let group_by = fields.texts("groupBy", problems);
    let group_by = group_by.and_then(|labels| problems.check("groupBy", GroupBy::parse(labels)));
    let (source, aggregation) = (source?, aggregation?);
    let suits = match source {
        Source::Metric(_) => aggregation != AggregationKind::ErrorRatio,
        Source::Logs => aggregation.suits_logs(),
        Source::Spans => aggregation.suits_spans(),
    };
    if !suits {
        problems.add("aggregation", RuleFault::NotOfSource);
        return None;
    }
    Some(Measure { source, filter: filter?, aggregation, window: window?, group_by: group_by? })
}

/// A metric, unless logs or spans are asked for.
fn source(fields: &Fields<'_>, problems: &mut Problems) -> Option<Source> {
    let source = match fields.text_or("source", "metrics", problems)? {
        "metrics" => {
            let metric = fields.text("metric", problems)?;
            return problems.check("metric", WatchedMetric::parse(metric)).map(Source::Metric);
        }
        "logs" => Source::Logs,
        "spans" => Source::Spans,
        _ => {
            problems.add("source", RuleFault::Word { allowed: "metrics, logs, spans" });
            return None;
        }
    };
    if fields.get("metric").is_some() {
        problems.add("metric", RuleFault::WithoutEffect { with: "logs and spans" });
        return None;
    }
    Some(source)
}

fn aggregation_of(text: &str) -> Result<AggregationKind, RuleFault> {
    let allowed =
        "avg, min, max, sum, count, last, rate, increase, error_ratio, or a percentile like p99 or p99.9";
    AggregationKind::parse(text).ok_or(RuleFault::Word { allowed })
}

fn wait(fields: &Fields<'_>, field: &str, problems: &mut Problems) -> Option<HoldTime> {
    let text = fields.text_or(field, "0s", problems)?;
    problems.check(field, HoldTime::parse(text))
}

fn no_data(rule: &Fields<'_>, problems: &mut Problems) -> Option<NoData> {
    let Some(value) = rule.get("noData") else { return Some(NoData::default()) };
    let fields = Fields::of(value, "noData.", &NO_DATA_FIELDS, problems)?;
    let after = match fields.get("after") {
        None => None,
        Some(_) => {
            let text = fields.text("after", problems)?;
            Some(problems.check("noData.after", HoldTime::parse(text))?.duration())
        }
    };
    match (fields.text("action", problems)?, after) {
        ("keep", None) => Some(NoData::Keep),
        ("keep", Some(_)) => {
            problems.add("noData.after", RuleFault::WithoutEffect { with: "the action 'keep'" });
            None
        }
        ("ok", after) => Some(NoData::Resolve { after }),
        ("alert", Some(after)) if !after.is_zero() => Some(NoData::Alert { after }),
        ("alert", _) => {
            problems.add("noData.after", RuleFault::Missing);
            None
        }
        _ => {
            problems.add("noData.action", RuleFault::Word { allowed: "keep, ok, alert" });
            None
        }
    }
}

fn labels(fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<(Box<str>, Box<str>)>> {
    let labels = fields.pairs("labels", problems)?;
    for (name, _) in labels.iter().filter(|(name, _)| RESERVED_LABELS.contains(&&**name)) {
        problems.add(&format!("labels.{name}"), RuleFault::ReservedLabel);
    }
    Some(labels)
}

fn thresholds(
    rule: &Fields<'_>,
    aggregation: Option<AggregationKind>,
    problems: &mut Problems,
) -> Option<Thresholds> {
    rule.required("thresholds", problems)?;
    let list = rule.list("thresholds", problems)?;
    if list.len() > Severity::ALL.len() {
        problems.add("thresholds", RuleFault::TooMany(Severity::ALL.len()));
        return None;
    }
    let read: Vec<Option<Threshold>> = list.iter().map(|value| threshold(value, problems)).collect();
    let all: Option<Vec<Threshold>> = read.into_iter().collect();
    problems.check("thresholds", Thresholds::new(all?, aggregation?))
}

fn threshold(value: &Value, problems: &mut Problems) -> Option<Threshold> {
    let fields = Fields::of(value, "thresholds.", &THRESHOLD_FIELDS, problems)?;
    let severity = fields.text("severity", problems).and_then(|text| {
        let word = Severity::parse(text).ok_or(RuleFault::Word { allowed: "INFO, WARN, ERROR, CRITICAL" });
        problems.check("thresholds.severity", word)
    });
    let comparison = fields.text("op", problems).and_then(|text| {
        let word = Comparison::parse(text).ok_or(RuleFault::Word { allowed: "> >= < <= == !=" });
        problems.check("thresholds.op", word)
    });
    fields.required("value", problems);
    let value = fields.number("value", problems)?;
    let recovery = fields.number("recovery", problems)?;
    let threshold = problems.check("thresholds.value", Threshold::new(severity?, comparison?, value?))?;
    match recovery {
        None => Some(threshold),
        Some(recovery) => problems.check("thresholds.recovery", threshold.with_recovery(recovery)),
    }
}
