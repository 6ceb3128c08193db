//! `Transition`: a group began or ceased to fire, and how that is put into words.

use std::sync::Arc;

use super::number_text::measured_beside;
use super::rule::AlertRule;
use super::state::Change;
use super::watchlist::Group;
use crate::shared::{Timestamp, duration_text};

/// One change of one group, at the time at which it was noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub group: Arc<Group>,
    pub change: Change,
    pub at: Timestamp,
}

impl Transition {
    pub fn rule(&self) -> &AlertRule {
        &self.group.rule
    }

    /// When the condition began to hold.
    pub const fn since(&self) -> Timestamp {
        match self.change {
            Change::Triggered { since, .. } | Change::Resolved { since, .. } => since,
        }
    }

    /// The value that decided; absent when the data stopped.
    pub const fn value(&self) -> Option<f64> {
        match self.change {
            Change::Triggered { value, .. } => Some(value),
            Change::Resolved { value, .. } => value,
        }
    }

    /// The value furthest beyond the threshold while it fired.
    pub const fn peak(&self) -> f64 {
        match self.change {
            Change::Triggered { value, .. } => value,
            Change::Resolved { peak, .. } => peak,
        }
    }

    /// Why, in a few words: `avg 0.93 > 0.8 for 2m`, `avg 0.42, no longer > 0.8`, `no data`.
    pub fn reason(&self) -> String {
        let rule = self.rule();
        let (aggregation, threshold) = (rule.aggregation.name(), rule.threshold_text());
        let shown = |value| measured_beside(value, rule.threshold.value());
        match self.change {
            Change::Triggered { value, .. } if rule.hold.duration().is_zero() => {
                format!("{aggregation} {} {threshold}", shown(value))
            }
            Change::Triggered { value, .. } => {
                let hold = duration_text::format(rule.hold.duration());
                format!("{aggregation} {} {threshold} for {hold}", shown(value))
            }
            Change::Resolved { value: Some(value), .. } => {
                format!("{aggregation} {}, no longer {threshold}", shown(value))
            }
            Change::Resolved { value: None, .. } => "no data".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::{rule, second};
    use crate::alerting::domain::rule_words::HoldTime;
    use crate::alerting::domain::watchlist::RuleNumber;
    use crate::shared::TenantId;

    #[test]
    fn a_reason_is_a_few_words() {
        let since = second(0);
        for (hold, change, reason) in [
            ("2m", Change::Triggered { since, value: 0.93 }, "avg 0.93 > 0.8 for 2m"),
            ("0s", Change::Triggered { since, value: 0.93 }, "avg 0.93 > 0.8"),
            ("0s", Change::Resolved { since, value: Some(0.42), peak: 1.0 }, "avg 0.42, no longer > 0.8"),
            ("0s", Change::Resolved { since, value: None, peak: 1.0 }, "no data"),
        ] {
            let mut rule = rule("avg > 0.8", "5m");
            rule.hold = HoldTime::parse(hold).unwrap();
            let (number, tenant) = (RuleNumber(0), TenantId::unnamed());
            let group = Arc::new(Group { rule: Arc::new(rule), number, tenant, values: Box::default() });
            assert_eq!(Transition { group, change, at: second(9) }.reason(), reason);
        }
    }
}
