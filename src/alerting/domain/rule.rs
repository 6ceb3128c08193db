//! `AlertRule`, and `RuleSet`: the rules that apply together.

use std::collections::HashSet;
use std::sync::Arc;

use super::condition::{Comparison, Threshold};
use super::number_text;
use super::rule_words::{AggregationKind, GroupBy, HoldTime, RuleId, WatchedMetric};
use super::window::EvaluationWindow;
use crate::shared::{LabelFilter, duration_text};

/// What to look at, when it is bad, and whom to tell. Each part is valid by its type; any combination of them is.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    pub id: RuleId,
    pub name: Box<str>,
    pub metric: WatchedMetric,
    pub filter: LabelFilter,
    pub aggregation: AggregationKind,
    pub window: EvaluationWindow,
    pub group_by: GroupBy,
    pub threshold: Threshold,
    pub hold: HoldTime,
    /// Added to the labels of the group.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Templates, checked when the rule was read.
    pub annotations: Vec<(Box<str>, Box<str>)>,
    pub channels: Vec<Box<str>>,
}

impl AlertRule {
    /// What is measured, as people say it: `avg(http.server.duration) over 5m by (http.route)`.
    pub fn expression(&self) -> String {
        let (aggregation, metric) = (self.aggregation.name(), self.metric.as_str());
        let window = duration_text::format(self.window.duration());
        let labels = self.group_by.labels();
        let by = if labels.is_empty() { String::new() } else { format!(" by ({})", labels.join(", ")) };
        format!("{aggregation}({metric}) over {window}{by}")
    }

    /// Whether further points of a window that meets the condition leave it met, so that it need not be waited for.
    /// A sum only grows where no value is negative.
    pub fn is_strengthened_by_data(&self, values: SeenValues) -> bool {
        let upward = matches!(self.threshold.comparison(), Comparison::Above | Comparison::AtLeast);
        match self.aggregation {
            AggregationKind::Max | AggregationKind::Count => upward,
            AggregationKind::Sum => upward && values == SeenValues::NonNegative,
            AggregationKind::Min => {
                matches!(self.threshold.comparison(), Comparison::Below | Comparison::AtMost)
            }
            AggregationKind::Avg => false,
        }
    }

    /// Counts and sums grow as a window fills. That they are *small*, or just so much, means something only once a whole
    /// window has been seen; otherwise every such rule would fire at each start.
    pub fn needs_a_whole_window(&self) -> bool {
        let grows = matches!(self.aggregation, AggregationKind::Count | AggregationKind::Sum);
        let upward = matches!(self.threshold.comparison(), Comparison::Above | Comparison::AtLeast);
        grows && !upward
    }

    /// The threshold as text: `> 0.8`.
    pub fn threshold_text(&self) -> String {
        format!("{} {}", self.threshold.comparison().symbol(), number_text::exact(self.threshold.value()))
    }
}

/// What is known of the sign of an instance's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenValues {
    NonNegative,
    SomeNegative,
}

/// Rules with distinct ids, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Arc<AlertRule>>,
}

/// Two rules have the same id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two rules have the id {0}")]
pub struct DuplicateRuleId(pub RuleId);

impl RuleSet {
    pub fn new(rules: Vec<AlertRule>) -> Result<Self, DuplicateRuleId> {
        let mut ids = HashSet::with_capacity(rules.len());
        if let Some(twice) = rules.iter().find(|rule| !ids.insert(&rule.id)) {
            return Err(DuplicateRuleId(twice.id.clone()));
        }
        Ok(Self { rules: rules.into_iter().map(Arc::new).collect() })
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
        assert_eq!(rule("avg > 0.8", "5m").expression(), "avg(m) over 5m");
        let mut grouped = rule("max > 1", "90s");
        grouped.group_by = GroupBy::parse(vec!["route".into(), "host".into()]).unwrap();
        assert_eq!(grouped.expression(), "max(m) over 1m30s by (host, route)");
        assert_eq!(grouped.threshold_text(), "> 1");
    }

    #[test]
    fn two_rules_with_one_id_are_refused() {
        let twice = RuleSet::new(vec![rule("avg > 1", "1m"), rule("max > 2", "1m")]);
        assert_eq!(twice.unwrap_err(), DuplicateRuleId(RuleId::parse("r").unwrap()));
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
            ("avg > 1", false, false),
            ("max != 1", false, false),
        ] {
            let rule = rule(condition, "1m");
            let early = |values| rule.is_strengthened_by_data(values);
            assert_eq!(early(SeenValues::NonNegative), early_if_non_negative, "{condition}");
            assert_eq!(early(SeenValues::SomeNegative), early_if_negative, "{condition}");
        }
    }
}
