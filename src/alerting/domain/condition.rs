//! When a value is bad: a comparison with a threshold, and how far beyond it a value is.

use super::rule_words::Severity;

/// How a value is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    NotEqual,
}

impl Comparison {
    pub fn parse(symbol: &str) -> Option<Self> {
        [Self::Above, Self::AtLeast, Self::Below, Self::AtMost, Self::Equal, Self::NotEqual]
            .into_iter()
            .find(|comparison| comparison.symbol() == symbol)
    }

    /// Whether it says that a value lies on one side of another.
    pub const fn has_side(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// The border beyond which a rule fires, and the one that a value has to come back over until that is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    severity: Severity,
    comparison: Comparison,
    value: f64,
    recovery: Option<f64>,
}

/// Why something is no threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    #[error("a threshold is a finite number")]
    NotFinite,
    #[error("a recovery value is a finite number")]
    RecoveryNotFinite,
    #[error("a recovery value lies on the good side of the threshold, or on it")]
    RecoveryBeyond,
    #[error("a recovery value goes with > >= < <= only")]
    RecoveryWithoutSide,
}

impl Threshold {
    pub fn new(severity: Severity, comparison: Comparison, value: f64) -> Result<Self, ThresholdError> {
        let threshold = Self { severity, comparison, value, recovery: None };
        value.is_finite().then_some(threshold).ok_or(ThresholdError::NotFinite)
    }

    /// Once met, it is over only when a value is as good as `recovery`.
    pub fn with_recovery(self, recovery: f64) -> Result<Self, ThresholdError> {
        if !recovery.is_finite() {
            return Err(ThresholdError::RecoveryNotFinite);
        }
        let is_good = match self.comparison {
            Comparison::Above | Comparison::AtLeast => recovery <= self.value,
            Comparison::Below | Comparison::AtMost => recovery >= self.value,
            Comparison::Equal | Comparison::NotEqual => return Err(ThresholdError::RecoveryWithoutSide),
        };
        is_good.then_some(Self { recovery: Some(recovery), ..self }).ok_or(ThresholdError::RecoveryBeyond)
    }

    pub const fn severity(&self) -> Severity {
        self.severity
    }

    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    pub const fn value(&self) -> f64 {
        self.value
    }

    pub const fn recovery(&self) -> Option<f64> {
        self.recovery
    }

    /// Whether a value ends what began when the threshold was met.
    pub fn is_over_at(&self, value: f64) -> bool {
        match (self.recovery, self.comparison) {
            (None, _) => !self.is_met_by(value),
            (Some(recovery), Comparison::Above | Comparison::AtLeast) => {
                value <= recovery && !self.is_met_by(value)
            }
            (Some(recovery), _) => value >= recovery && !self.is_met_by(value),
        }
    }

    /// Whether every value that meets this one meets the other, too.
    pub fn implies(&self, other: &Self) -> bool {
        match (self.comparison, other.comparison) {
            (Comparison::Above, Comparison::Above | Comparison::AtLeast)
            | (Comparison::AtLeast, Comparison::AtLeast) => self.value >= other.value,
            (Comparison::AtLeast, Comparison::Above) => self.value > other.value,
            (Comparison::Below, Comparison::Below | Comparison::AtMost)
            | (Comparison::AtMost, Comparison::AtMost) => self.value <= other.value,
            (Comparison::AtMost, Comparison::Below) => self.value < other.value,
            (Comparison::Equal, _) => other.is_met_by(self.value),
            _ => false,
        }
    }

    #[expect(clippy::float_cmp, reason = "== and != are what the rule's author asked for")]
    pub fn is_met_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.value,
            Comparison::AtLeast => value >= self.value,
            Comparison::Below => value < self.value,
            Comparison::AtMost => value <= self.value,
            Comparison::Equal => value == self.value,
            Comparison::NotEqual => value != self.value,
        }
    }

    /// Of two values the one further beyond the threshold.
    pub fn worse(&self, a: f64, b: f64) -> f64 {
        match self.comparison {
            Comparison::Above | Comparison::AtLeast => a.max(b),
            Comparison::Below | Comparison::AtMost => a.min(b),
            Comparison::Equal => a,
            Comparison::NotEqual if (b - self.value).abs() > (a - self.value).abs() => b,
            Comparison::NotEqual => a,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(symbol: &str) -> Threshold {
        Threshold::new(Severity::Warn, Comparison::parse(symbol).unwrap(), 5.0).unwrap()
    }

    #[test]
    fn each_symbol_compares_as_it_reads() {
        for (symbol, below, same, above) in [
            (">", false, false, true),
            (">=", false, true, true),
            ("<", true, false, false),
            ("<=", true, true, false),
            ("==", false, true, false),
            ("!=", true, false, true),
        ] {
            let met = [4.0, 5.0, 6.0].map(|value| threshold(symbol).is_met_by(value));
            assert_eq!(met, [below, same, above], "{symbol}");
        }
        assert_eq!(Comparison::parse("=>"), None);
    }

    #[test]
    fn the_worse_value_is_the_one_further_beyond() {
        for (symbol, worse) in [(">", 9.0), ("<", 2.0), ("!=", 9.0)] {
            assert_eq!(threshold(symbol).worse(2.0, 9.0).to_bits(), f64::to_bits(worse), "{symbol}");
        }
    }

    #[test]
    fn a_threshold_is_finite() {
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(
                Threshold::new(Severity::Info, Comparison::Above, value),
                Err(ThresholdError::NotFinite)
            );
        }
    }

    #[test]
    fn with_a_recovery_value_it_is_over_only_there() {
        let above = threshold(">").with_recovery(3.0).unwrap();
        assert_eq!([6.0, 5.0, 4.0, 3.0].map(|value| above.is_over_at(value)), [false, false, false, true]);
        let below = threshold("<=").with_recovery(5.0).unwrap();
        assert_eq!([5.0, 5.5].map(|value| below.is_over_at(value)), [false, true]);
        assert!(threshold(">").is_over_at(5.0));
    }

    #[test]
    fn a_recovery_value_lies_on_the_good_side() {
        use ThresholdError::{RecoveryBeyond, RecoveryNotFinite, RecoveryWithoutSide};
        assert_eq!(threshold(">").with_recovery(6.0), Err(RecoveryBeyond));
        assert_eq!(threshold("<").with_recovery(4.0), Err(RecoveryBeyond));
        assert_eq!(threshold("==").with_recovery(5.0), Err(RecoveryWithoutSide));
        assert_eq!(threshold(">").with_recovery(f64::NAN), Err(RecoveryNotFinite));
    }
}
