//! `Thresholds`: the borders of a rule, one per severity, that make sense together.

use super::aggregation::AggregationKind;
use super::condition::{Comparison, Threshold};
use super::rule_words::Severity;

/// One to four thresholds with distinct severities, the mildest first.
///
/// Of two that point the same way the more severe one is further out, so that each can be the worst that is met.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(Vec<Threshold>);

/// Why thresholds do not make sense together, or for what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdsError {
    #[error("at least one threshold is needed")]
    Empty,
    #[error("two thresholds have the severity {}", .0.name())]
    SeverityTwice(Severity),
    #[error("the threshold of {} can never be the worst that is met: that of {} is met no later", .0.name(), .1.name())]
    Hidden(Severity, Severity),
    #[error("no count is below zero, so the threshold of {} is never met", .0.name())]
    NeverMet(Severity),
    #[error("every count is zero or more, so the threshold of {} is always met", .0.name())]
    AlwaysMet(Severity),
}

impl Thresholds {
    pub fn new(
        mut thresholds: Vec<Threshold>,
        aggregation: AggregationKind,
    ) -> Result<Self, ThresholdsError> {
        if thresholds.is_empty() {
            return Err(ThresholdsError::Empty);
        }
        thresholds.sort_by_key(Threshold::severity);
        for (milder, worse) in thresholds.iter().zip(thresholds.iter().skip(1)) {
            if milder.severity() == worse.severity() {
                return Err(ThresholdsError::SeverityTwice(worse.severity()));
            }
        }
        for (at, milder) in thresholds.iter().enumerate() {
            if let Some(worse) = thresholds.iter().skip(at + 1).find(|worse| milder.implies(worse)) {
                return Err(ThresholdsError::Hidden(milder.severity(), worse.severity()));
            }
        }
        if aggregation.is_a_count() {
            thresholds.iter().try_for_each(possible_for_counts)?;
        }
        Ok(Self(thresholds))
    }

    /// The mildest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Threshold> + ExactSizeIterator {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of(&self, severity: Severity) -> Option<&Threshold> {
        self.0.iter().find(|threshold| threshold.severity() == severity)
    }

    pub fn worst_severity(&self) -> Severity {
        self.0.last().map_or(Severity::Info, Threshold::severity)
    }

    /// The worst threshold that a value meets.
    pub fn met_by(&self, value: f64) -> Option<&Threshold> {
        self.0.iter().rev().find(|threshold| threshold.is_met_by(value))
    }
}

fn possible_for_counts(threshold: &Threshold) -> Result<(), ThresholdsError> {
    let (value, severity) = (threshold.value(), threshold.severity());
    match threshold.comparison() {
        Comparison::Below if value <= 0.0 => Err(ThresholdsError::NeverMet(severity)),
        Comparison::AtMost | Comparison::Equal if value < 0.0 => Err(ThresholdsError::NeverMet(severity)),
        Comparison::Above | Comparison::NotEqual if value < 0.0 => Err(ThresholdsError::AlwaysMet(severity)),
        Comparison::AtLeast if value <= 0.0 => Err(ThresholdsError::AlwaysMet(severity)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds(of: &[(Severity, &str, f64)]) -> Result<Thresholds, ThresholdsError> {
        let all = of.iter().map(|(severity, symbol, value)| {
            Threshold::new(*severity, Comparison::parse(symbol).unwrap(), *value).unwrap()
        });
        Thresholds::new(all.collect(), AggregationKind::Count)
    }

    use Severity::{Critical, Info, Warn};

    #[test]
    fn the_worst_that_is_met_counts() {
        let both = thresholds(&[(Critical, ">", 10.0), (Warn, ">", 5.0)]).unwrap();
        let met = |value| both.met_by(value).map(Threshold::severity);
        assert_eq!((met(5.0), met(6.0), met(11.0)), (None, Some(Warn), Some(Critical)));
        let corridor = thresholds(&[(Warn, "<", 5.0), (Critical, ">", 10.0)]).unwrap();
        assert_eq!(corridor.met_by(1.0).map(Threshold::severity), Some(Warn));
        assert_eq!(corridor.worst_severity(), Critical);
    }

    #[test]
    fn what_can_make_no_difference_is_refused() {
        use ThresholdsError::{AlwaysMet, Empty, Hidden, NeverMet, SeverityTwice};
        assert_eq!(thresholds(&[]), Err(Empty));
        assert_eq!(thresholds(&[(Warn, ">", 1.0), (Warn, ">", 2.0)]), Err(SeverityTwice(Warn)));
        assert_eq!(thresholds(&[(Warn, ">", 9.0), (Critical, ">", 5.0)]), Err(Hidden(Warn, Critical)));
        assert_eq!(thresholds(&[(Info, "<", 2.0), (Warn, "<=", 3.0)]), Err(Hidden(Info, Warn)));
        assert_eq!(thresholds(&[(Warn, "<", 0.0)]), Err(NeverMet(Warn)));
        assert_eq!(thresholds(&[(Warn, ">=", 0.0)]), Err(AlwaysMet(Warn)));
        assert!(thresholds(&[(Info, ">", 3.0), (Warn, ">=", 4.0)]).is_ok());
    }
}
