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

/// The border beyond which a rule fires. Its value is finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    severity: Severity,
    comparison: Comparison,
    value: f64,
}

/// A threshold that nothing can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a threshold is a finite number")]
pub struct ThresholdError;

impl Threshold {
    pub fn new(severity: Severity, comparison: Comparison, value: f64) -> Result<Self, ThresholdError> {
        value.is_finite().then_some(Self { severity, comparison, value }).ok_or(ThresholdError)
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
            assert_eq!(Threshold::new(Severity::Info, Comparison::Above, value), Err(ThresholdError));
        }
    }
}
