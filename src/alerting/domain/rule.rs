//! `AlertRule`, and `RuleSet`: the rules that apply together.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::aggregation::AggregationKind;
use super::condition::{Comparison, Threshold};
use super::number_text;
use super::rule_words::{GroupBy, HoldTime, RuleId, WatchedMetric};
use super::thresholds::Thresholds;
use super::window::EvaluationWindow;
use crate::shared::{LabelFilter, TenantId, duration_text};

/// What to look at, when it is bad, and whom to tell. Each part is valid by its type; any combination of them is.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    pub id: RuleId,
    pub name: Box<str>,
    /// Whose series; absent for those of each tenant, apart.
    pub tenant: Option<TenantId>,
    pub measure: Measure,
    pub thresholds: Thresholds,
    /// How long a threshold has to be met before it counts.
    pub hold: HoldTime,
    /// How long it goes on firing once no threshold is met.
    pub keep_firing: HoldTime,
    pub no_data: NoData,
    /// Points that a window needs before it is looked at; at least 1.
    pub points_min: u64,
    /// How long a group has to be known before it is looked at.
    pub new_group_grace: HoldTime,
    /// Added to the labels of the group.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Templates, checked when the rule was read.
    pub annotations: Vec<(Box<str>, Box<str>)>,
    pub channels: Vec<Box<str>>,
    pub activity: Activity,
}

/// What a rule measures. While it stays the same, so do the windows of a rule that is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub source: Source,
    pub filter: LabelFilter,
    pub aggregation: AggregationKind,
    pub window: EvaluationWindow,
    pub group_by: GroupBy,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    Metric(WatchedMetric),
    /// Log records, each of which counts once.
    Logs,
    /// Spans, whose values are their durations in seconds.
    Spans,
}

impl Source {
    /// The metric, or `logs` or `spans`.
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(metric) => metric.as_str(),
            Self::Logs => "logs",
            Self::Spans => "spans",
        }
    }

    pub const fn metric(&self) -> Option<&WatchedMetric> {
        match self {
            Self::Metric(metric) => Some(metric),
            Self::Logs | Self::Spans => None,
        }
    }
}

/// What becomes of a group without points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoData {
    /// It stays as it is.
    Keep,
    /// It is fine again when nothing came for so long; without a time, when its window is empty.
    Resolve { after: Option<Duration> },
    /// It fires when nothing came for so long, with the worst of its severities.
    Alert { after: Duration },
}

impl Default for NoData {
    fn default() -> Self {
        Self::Resolve { after: None }
    }
}

/// Whether a rule is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activity {
    #[default]
    Enabled,
    Disabled,
}

/// Tells rules apart: two tenants may give the same id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleKey {
    pub tenant: Option<TenantId>,
    pub id: RuleId,
}

impl Measure {
    /// The labels that it asks for: those of its filter and of its groups, and of spans their status, on which it depends what an
    /// error is.
    pub fn labels(&self) -> BTreeSet<Box<str>> {
        let of_filter = self.filter.terms().iter().map(|term| term.label.clone());
        let of_groups = self.group_by.labels().iter().cloned();
        let status = (self.source == Source::Spans).then(|| "status".into());
        of_filter.chain(of_groups).chain(status).collect()
    }

    /// As people say it: `avg(http.server.duration) over 5m by (http.route)`.
    pub fn expression(&self) -> String {
        let (aggregation, metric) = (self.aggregation.name(), self.source.name());
        let window = duration_text::format(self.window.duration());
        let labels = self.group_by.labels();
        let by = if labels.is_empty() { String::new() } else { format!(" by ({})", labels.join(", ")) };
        format!("{aggregation}({metric}) over {window}{by}")
    }
}

impl AlertRule {
    pub fn key(&self) -> RuleKey {
        RuleKey { tenant: self.tenant.clone(), id: self.id.clone() }
    }

    /// Whether further points of a window that meets a threshold leave it met, so that it need not be waited for.
    /// A sum only grows where no value is negative.
    pub fn is_strengthened_by_data(&self, threshold: &Threshold, values: SeenValues) -> bool {
        let upward = matches!(threshold.comparison(), Comparison::Above | Comparison::AtLeast);
        match self.measure.aggregation {
            AggregationKind::Max | AggregationKind::Count => upward,
            AggregationKind::Sum | AggregationKind::Rate | AggregationKind::Increase => {
                upward && values == SeenValues::NonNegative
            }
            AggregationKind::Min => !upward && threshold.comparison().has_side(),
            AggregationKind::Avg
            | AggregationKind::Last
            | AggregationKind::Quantile(_)
            | AggregationKind::ErrorRatio => false,
        }
    }

    /// Counts and sums grow as a window fills. That they are *small*, or just so much, means something only once a whole
    /// window has been seen; otherwise every such rule would fire at each start.
    pub fn needs_a_whole_window(&self) -> bool {
        let downward = |threshold: &Threshold| {
            !matches!(threshold.comparison(), Comparison::Above | Comparison::AtLeast)
        };
        self.measure.aggregation.grows() && self.thresholds.iter().any(downward)
    }

    /// Its thresholds, the mildest first, and how long they have to be met: `> 0.8 WARN, > 2 CRITICAL for 2m`.
    pub fn conditions(&self) -> String {
        let one =
            |threshold: &Threshold| format!("{} {}", threshold_text(threshold), threshold.severity().name());
        let all: Vec<String> = self.thresholds.iter().map(one).collect();
        let hold = self.hold.duration();
        let held =
            if hold.is_zero() { String::new() } else { format!(" for {}", duration_text::format(hold)) };
        format!("{}{held}", all.join(", "))
    }

    pub fn is_enabled(&self) -> bool {
        self.activity == Activity::Enabled
    }
}

/// The threshold as text: `> 0.8`.
pub fn threshold_text(threshold: &Threshold) -> String {
    format!("{} {}", threshold.comparison().symbol(), number_text::exact(threshold.value()))
}

/// What is known of the sign of an instance's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenValues {
    NonNegative,
    SomeNegative,
}

/// Rules with distinct keys, in the order in which they were read. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Arc<[Arc<AlertRule>]>,
    places: Arc<HashMap<RuleKey, usize>>,
}

/// Two rules that apply to the same tenants have the same id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two rules have the id {0}")]
pub struct DuplicateRuleId(pub RuleId);

impl RuleSet {
    pub fn new(rules: Vec<AlertRule>) -> Result<Self, DuplicateRuleId> {
        Self::of(rules.into_iter().map(Arc::new).collect())
    }

    pub fn of(rules: Vec<Arc<AlertRule>>) -> Result<Self, DuplicateRuleId> {
        let mut places = HashMap::with_capacity(rules.len());
        for (place, rule) in rules.iter().enumerate() {
            if places.insert(rule.key(), place).is_some() {
                return Err(DuplicateRuleId(rule.id.clone()));
            }
        }
        Ok(Self { rules: rules.into(), places: Arc::new(places) })
    }

    pub fn find(&self, key: &RuleKey) -> Option<&Arc<AlertRule>> {
        self.rules.get(*self.places.get(key)?)
    }

    /// The enabled ones that `before` does not have, or not enabled, or with another measure.
    pub fn measured_anew_since(&self, before: &Self) -> Vec<Arc<AlertRule>> {
        let is_new = |rule: &&Arc<AlertRule>| {
            let same =
                before.find(&rule.key()).is_some_and(|was| was.is_enabled() && was.measure == rule.measure);
            rule.is_enabled() && !same
        };
        self.rules.iter().filter(is_new).cloned().collect()
    }

    /// The first of the rules that have one of these keys.
    pub fn find_first(&self, keys: &[RuleKey]) -> Option<&Arc<AlertRule>> {
        self.rules.get(*keys.iter().filter_map(|key| self.places.get(key)).min()?)
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn rules(&self) -> &[Arc<AlertRule>] {
        &self.rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::rule;

    #[test]
    fn an_expression_reads_as_people_say_it() {
        assert_eq!(rule("avg > 0.8", "5m").measure.expression(), "avg(m) over 5m");
        let mut grouped = rule("max > 1", "90s").measure;
        grouped.group_by = GroupBy::parse(vec!["route".into(), "host".into()]).unwrap();
        assert_eq!(grouped.expression(), "max(m) over 1m30s by (host, route)");
        let only = rule("max > 1", "90s").thresholds;
        assert_eq!(only.iter().map(threshold_text).collect::<Vec<_>>(), ["> 1"]);
    }

    #[test]
    fn two_rules_with_one_id_are_refused_unless_they_are_of_two_tenants() {
        let twice = RuleSet::new(vec![rule("avg > 1", "1m"), rule("max > 2", "1m")]);
        assert_eq!(twice.unwrap_err(), DuplicateRuleId(RuleId::parse("r").unwrap()));
        let of = |tenant| AlertRule { tenant: TenantId::parse(tenant).ok(), ..rule("avg > 1", "1m") };
        assert_eq!(RuleSet::new(vec![of("a"), of("b")]).unwrap().len(), 2);
    }

    #[test]
    fn only_what_more_data_cannot_undo_is_decided_early() {
        for (condition, early_if_non_negative, early_if_negative) in [
            ("max > 1", true, true),
            ("max >= 1", true, true),
            ("max < 1", false, false),
            ("min < 1", true, true),
            ("min > 1", false, false),
            ("count > 1", true, true),
            ("sum > 1", true, false),
            ("sum < 1", false, false),
            ("rate > 1", true, false),
            ("avg > 1", false, false),
            ("last > 1", false, false),
            ("p99 > 1", false, false),
            ("max != 1", false, false),
            ("min != 1", false, false),
        ] {
            let rule = rule(condition, "1m");
            let only = *rule.thresholds.iter().next().unwrap();
            let early = |values| rule.is_strengthened_by_data(&only, values);
            assert_eq!(early(SeenValues::NonNegative), early_if_non_negative, "{condition}");
            assert_eq!(early(SeenValues::SomeNegative), early_if_negative, "{condition}");
        }
    }
}
