//! `Transition`: an instance went from one state to another, and how that is put into words.

use std::sync::Arc;

use super::condition::Threshold;
use super::label_set::LabelSet;
use super::number_text::measured_beside;
use super::rule::{AlertRule, NoData, threshold_text};
use super::rule_words::Severity;
use super::state::{Cause, Change, Ending};
use super::watchlist::Group;
use crate::shared::{Timestamp, duration_text};

/// The reason of what ended because nothing came.
pub const NO_DATA: &str = "no data";

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
            Change::Pended { since, .. }
            | Change::Triggered { since, .. }
            | Change::Shifted { since, .. }
            | Change::Recovering { since, .. }
            | Change::Relapsed { since, .. }
            | Change::Resolved { since, .. } => since,
            Change::Calmed { .. } => self.at,
        }
    }

    /// The value that decided; absent where there was none.
    pub const fn value(&self) -> Option<f64> {
        match self.change {
            Change::Pended { value, .. } | Change::Relapsed { value, .. } => Some(value),
            Change::Triggered { cause, .. } | Change::Shifted { cause, .. } => match cause {
                Cause::Value(value) => Some(value),
                Cause::NoData => None,
            },
            Change::Calmed { value } | Change::Recovering { value, .. } => value,
            Change::Resolved { ending: Ending::Value(value), .. } => value,
            Change::Resolved { .. } => None,
        }
    }

    /// The value furthest beyond its threshold while it fired.
    pub fn peak(&self) -> Option<f64> {
        match self.change {
            Change::Shifted { peak, .. } | Change::Resolved { peak, .. } => peak,
            _ => self.value(),
        }
    }

    /// How bad it is, or was.
    pub fn severity(&self) -> Severity {
        match self.change {
            Change::Triggered { severity, .. }
            | Change::Shifted { severity, .. }
            | Change::Resolved { severity, .. } => severity,
            _ => self
                .value()
                .and_then(|value| self.rule().thresholds.met_by(value))
                .map_or_else(|| self.rule().thresholds.worst_severity(), Threshold::severity),
        }
    }

    /// The threshold that it is about, as text.
    pub fn threshold(&self) -> String {
        self.about().map_or_else(String::new, threshold_text)
    }

    pub fn threshold_value(&self) -> Option<f64> {
        self.about().map(Threshold::value)
    }

    fn about(&self) -> Option<&Threshold> {
        let thresholds = &self.rule().thresholds;
        thresholds.of(self.severity()).or_else(|| thresholds.iter().next())
    }

    /// What it leads to, in a word.
    pub const fn kind(&self) -> &'static str {
        match self.change {
            Change::Pended { .. } => "pending",
            Change::Calmed { .. } => "inactive",
            Change::Triggered { .. } | Change::Relapsed { .. } => "firing",
            Change::Shifted { .. } => "severity",
            Change::Recovering { .. } => "recovering",
            Change::Resolved { .. } => "resolved",
        }
    }

    pub fn labels(&self) -> LabelSet {
        self.group.labels()
    }

    /// Why, in a few words: `avg 0.93 > 0.8 for 2m`, `avg 0.42, no longer > 0.8`, `no data`.
    pub fn reason(&self) -> String {
        let rule = self.rule();
        let hold = rule.hold.duration();
        let held =
            if hold.is_zero() { String::new() } else { format!(" for {}", duration_text::format(hold)) };
        match self.change {
            Change::Triggered { cause: Cause::Value(value), .. }
            | Change::Shifted { cause: Cause::Value(value), .. } => self.beyond(value, &held),
            Change::Pended { value, .. } | Change::Relapsed { value, .. } => self.beyond(value, ""),
            Change::Triggered { cause: Cause::NoData, .. } | Change::Shifted { cause: Cause::NoData, .. } => {
                self.silence()
            }
            Change::Resolved { ending: Ending::RuleChanged, .. } => {
                "its rule was changed or taken away".to_owned()
            }
            Change::Resolved { ending: Ending::NoData, .. } | Change::Calmed { value: None } => {
                NO_DATA.to_owned()
            }
            Change::Resolved { ending: Ending::Value(None), .. } | Change::Recovering { value: None, .. } => {
                format!("too few points, no longer {}", self.threshold())
            }
            Change::Resolved { ending: Ending::Value(Some(value)), .. }
            | Change::Recovering { value: Some(value), .. }
            | Change::Calmed { value: Some(value) } => {
                format!(
                    "{} {}, no longer {}",
                    rule.measure.aggregation.name(),
                    self.shown(value),
                    self.threshold()
                )
            }
        }
    }

    fn beyond(&self, value: f64, held: &str) -> String {
        let aggregation = self.rule().measure.aggregation.name();
        format!("{aggregation} {} {}{held}", self.shown(value), self.threshold())
    }

    fn silence(&self) -> String {
        match self.rule().no_data {
            NoData::Alert { after } => format!("no data for {}", duration_text::format(after)),
            NoData::Keep | NoData::Resolve { .. } => NO_DATA.to_owned(),
        }
    }

    fn shown(&self, value: f64) -> String {
        measured_beside(value, self.threshold_value().unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::alerting::domain::fixtures::{rule, second};
    use crate::alerting::domain::rule_words::HoldTime;
    use crate::shared::TenantId;

    #[test]
    fn a_reason_is_a_few_words() {
        let (since, severity) = (second(0), Severity::Critical);
        let triggered = |cause| Change::Triggered { since, severity, cause };
        let resolved = |ending| Change::Resolved { since, severity, peak: Some(1.0), ending };
        for (hold, change, reason) in [
            ("2m", triggered(Cause::Value(0.93)), "avg 0.93 > 0.8 for 2m"),
            ("0s", triggered(Cause::Value(0.93)), "avg 0.93 > 0.8"),
            ("0s", triggered(Cause::NoData), "no data for 10m"),
            ("2m", Change::Pended { since, value: 0.93 }, "avg 0.93 > 0.8"),
            ("0s", resolved(Ending::Value(Some(0.42))), "avg 0.42, no longer > 0.8"),
            ("0s", resolved(Ending::NoData), "no data"),
            ("0s", resolved(Ending::RuleChanged), "its rule was changed or taken away"),
        ] {
            let mut rule = rule("avg > 0.8", "5m");
            rule.hold = HoldTime::parse(hold).unwrap();
            rule.no_data = NoData::Alert { after: Duration::from_secs(600) };
            let group = Group { rule: Arc::new(rule), tenant: TenantId::unnamed(), values: Box::default() };
            let transition = Transition { group: Arc::new(group), change, at: second(9) };
            assert_eq!(transition.reason(), reason);
        }
    }
}
