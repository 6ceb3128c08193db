//! The words of an alert rule, each behind one door: ids, names, severities, aggregations, durations.

use std::fmt;
use std::time::Duration;

use crate::shared::duration_text::{self, DurationTextError};

/// Longest rule id, in bytes. It is part of every incident's key.
pub const RULE_ID_BYTES_MAX: usize = 128;
/// Longest metric name, in bytes (the limit at the door of ingestion is lower).
pub const METRIC_BYTES_MAX: usize = 1_024;
/// Most labels in one `groupBy`.
pub const GROUP_LABELS_MAX: usize = 16;
/// Longest time that a rule waits for something.
pub const HOLD_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Words that stand in the place of an id in paths of the API, and what clients make of dots alone there.
pub const RESERVED_IDS: [&str; 4] = ["test", "backtest", ".", ".."];

/// Identifies a rule: 1 to 128 characters out of letters, digits, `_`, `-` and `.`, and none of [`RESERVED_IDS`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(Box<str>);

/// Why a text is not a rule id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleIdError {
    #[error("an id has 1 to {RULE_ID_BYTES_MAX} characters")]
    Length,
    #[error("an id consists of letters, digits, '_', '-' and '.'")]
    Character,
    #[error("'test', 'backtest', '.' and '..' are not ids: the API has other uses for these words")]
    Reserved,
}

impl RuleId {
    pub fn parse(text: &str) -> Result<Self, RuleIdError> {
        if RESERVED_IDS.contains(&text) {
            return Err(RuleIdError::Reserved);
        }
        Self::remembered(text)
    }

    /// One that was an id when it was written down, when fewer words were reserved.
    pub fn remembered(text: &str) -> Result<Self, RuleIdError> {
        if text.is_empty() || text.len() > RULE_ID_BYTES_MAX {
            return Err(RuleIdError::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
            return Err(RuleIdError::Character);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of the metric that a rule looks at. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WatchedMetric(Box<str>);

/// A text is empty, or too long to be the name of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a metric's name has 1 to {METRIC_BYTES_MAX} bytes")]
pub struct WatchedMetricError;

impl WatchedMetric {
    pub fn parse(text: &str) -> Result<Self, WatchedMetricError> {
        let fits = !text.trim().is_empty() && text.len() <= METRIC_BYTES_MAX;
        fits.then(|| Self(text.into())).ok_or(WatchedMetricError)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How bad it is that a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warn,
    Error,
    Critical,
}

impl Severity {
    /// The mildest first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warn, Self::Error, Self::Critical];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == text)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// A time that a rule waits for something: 0 s (not at all) to 24 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldTime(Duration);

/// Why a text is not a [`HoldTime`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoldTimeError {
    #[error(transparent)]
    Text(#[from] DurationTextError),
    #[error("has to be 0s to 24h")]
    Bounds,
}

impl HoldTime {
    pub fn parse(text: &str) -> Result<Self, HoldTimeError> {
        let duration = duration_text::parse(text)?;
        if duration > HOLD_MAX { Err(HoldTimeError::Bounds) } else { Ok(Self(duration)) }
    }

    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// The labels by whose values the series of a rule are told apart. Sorted, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupBy(Vec<Box<str>>);

/// Why labels cannot be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupByError {
    #[error("a label's name is not empty")]
    Empty,
    #[error("a label stands twice")]
    Twice,
    #[error("at most {GROUP_LABELS_MAX} labels")]
    TooMany,
}

impl GroupBy {
    pub fn parse(mut labels: Vec<Box<str>>) -> Result<Self, GroupByError> {
        if labels.len() > GROUP_LABELS_MAX {
            return Err(GroupByError::TooMany);
        }
        if labels.iter().any(|label| label.is_empty()) {
            return Err(GroupByError::Empty);
        }
        labels.sort_unstable();
        let twice = labels.iter().zip(labels.iter().skip(1)).any(|(a, b)| a == b);
        if twice { Err(GroupByError::Twice) } else { Ok(Self(labels)) }
    }

    pub fn labels(&self) -> &[Box<str>] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        assert_eq!(RuleId::parse("checkout-p99.eu_1").unwrap().as_str(), "checkout-p99.eu_1");
        assert_eq!(RuleId::parse(""), Err(RuleIdError::Length));
        assert_eq!(RuleId::parse(&"x".repeat(129)), Err(RuleIdError::Length));
        assert_eq!(RuleId::parse("a b"), Err(RuleIdError::Character));
        for word in RESERVED_IDS {
            assert_eq!(RuleId::parse(word), Err(RuleIdError::Reserved));
            assert_eq!(RuleId::remembered(word).unwrap().as_str(), word);
        }
        assert!(
            RuleId::parse("tests").is_ok() && RuleId::parse("...").is_ok() && RuleId::parse("Test").is_ok()
        );
    }

    #[test]
    fn a_condition_holds_for_up_to_a_day() {
        assert_eq!(HoldTime::parse("0s").unwrap(), HoldTime::default());
        assert_eq!(HoldTime::parse("24h").unwrap().duration(), HOLD_MAX);
        assert_eq!(HoldTime::parse("25h"), Err(HoldTimeError::Bounds));
        assert_eq!(HoldTime::parse("soon"), Err(HoldTimeError::Text(DurationTextError::Syntax)));
    }

    #[test]
    fn group_labels_are_sorted_and_stand_once() {
        let group = GroupBy::parse(vec!["b".into(), "a".into()]).unwrap();
        assert_eq!(group.labels(), [Box::from("a"), Box::from("b")]);
        assert_eq!(GroupBy::parse(vec!["a".into(), "a".into()]), Err(GroupByError::Twice));
        assert_eq!(GroupBy::parse(vec!["".into()]), Err(GroupByError::Empty));
    }

    #[test]
    fn a_metric_has_a_name() {
        assert_eq!(WatchedMetric::parse(" "), Err(WatchedMetricError));
        assert!(WatchedMetric::parse("http.server.duration").is_ok());
    }
}
