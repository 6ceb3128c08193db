//! `Matcher`: one test on one label of an alert, as Alertmanager writes it: `=`, `!=`, `=~`, `!~`.

use std::fmt;

use crate::alerting::domain::label_set::LabelSet;
use crate::shared::label_filter::Pattern;

/// Longest name of a label, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest value or expression, in bytes.
pub const VALUE_BYTES_MAX: usize = 1_024;
/// Most matchers of one silence, route or inhibition.
pub const MATCHERS_MAX: usize = 16;
/// Memory that one compiled expression may take.
const EXPRESSION_BYTES_MAX: usize = 128 << 10;

/// A test on a label. One that an alert does not have counts as the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    name: Box<str>,
    operator: Operator,
    value: Box<str>,
    /// Of the two operators that have one; whole values match, as in Alertmanager.
    expression: Option<Pattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

/// Why there is no such matcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    #[error("expected the name of a label, of at most {NAME_BYTES_MAX} bytes")]
    Name,
    #[error("a value has at most {VALUE_BYTES_MAX} bytes")]
    Value,
    #[error("not a valid regular expression, or too large")]
    Expression,
}

impl Operator {
    /// Longer ones first, so that the first that fits is the right one.
    pub const ALL: [Self; 4] = [Self::Matches, Self::NotMatches, Self::NotEqual, Self::Equal];

    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }

    /// Alertmanager's API says an operator as two flags.
    pub const fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Matches)
    }

    pub const fn is_regex(self) -> bool {
        matches!(self, Self::Matches | Self::NotMatches)
    }
}

impl Matcher {
    pub fn new(name: &str, operator: Operator, value: &str) -> Result<Self, MatcherError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return Err(MatcherError::Name);
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(MatcherError::Value);
        }
        let expression = match operator {
            Operator::Equal | Operator::NotEqual => None,
            Operator::Matches | Operator::NotMatches => {
                Some(Pattern::within(value, EXPRESSION_BYTES_MAX).ok_or(MatcherError::Expression)?)
            }
        };
        Ok(Self { name: name.into(), operator, value: value.into(), expression })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// The value, or the expression as it was written.
    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.accepts(labels.get(&self.name).unwrap_or_default())
    }

    /// Whether an alert without the label passes.
    pub fn accepts_absence(&self) -> bool {
        self.accepts("")
    }

    fn accepts(&self, text: &str) -> bool {
        let same = self.expression.as_ref().map_or_else(|| text == &*self.value, |e| e.is_match(text));
        same == self.operator.is_equal()
    }
}

/// Whether the labels pass every matcher; no matcher refuses nothing.
pub fn all_match(matchers: &[Matcher], labels: &LabelSet) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// `name="value"`, which reads back.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(is_reserved) {
            true => quoted(f, &self.name)?,
            false => f.write_str(&self.name)?,
        }
        f.write_str(self.operator.symbol())?;
        quoted(f, &self.value)
    }
}

/// What a name without quotes does not hold (Alertmanager, "UTF-8 mode").
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '!' | '=' | '~' | ',' | '\\' | '"' | '\'' | '`')
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(operator: Operator, value: &str) -> Matcher {
        Matcher::new("job", operator, value).unwrap()
    }

    fn passes(operator: Operator, value: &str, job: &str) -> bool {
        matcher(operator, value).matches(&[("job", job)].into_iter().collect())
    }

    #[test]
    fn each_operator_tests_the_whole_value() {
        assert!(passes(Operator::Equal, "api", "api") && !passes(Operator::Equal, "api", "apis"));
        assert!(passes(Operator::NotEqual, "api", "web") && !passes(Operator::NotEqual, "api", "api"));
        assert!(passes(Operator::Matches, "a|b.", "bc") && !passes(Operator::Matches, "a|b.", "abc"));
        assert!(passes(Operator::NotMatches, "a.*", "b") && !passes(Operator::NotMatches, "a.*", "abc"));
    }

    #[test]
    fn a_missing_label_counts_as_the_empty_text() {
        for (operator, value, passed) in [
            (Operator::Equal, "", true),
            (Operator::Equal, "x", false),
            (Operator::NotEqual, "", false),
            (Operator::NotEqual, "x", true),
            (Operator::Matches, ".*", true),
            (Operator::Matches, ".+", false),
            (Operator::NotMatches, ".+", true),
        ] {
            let matcher = matcher(operator, value);
            assert_eq!(matcher.matches(&LabelSet::default()), passed, "{matcher}");
            assert_eq!(matcher.accepts_absence(), passed, "{matcher}");
        }
    }

    #[test]
    fn what_is_too_long_or_no_expression_is_refused() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        assert_eq!(Matcher::new("", Operator::Equal, "x"), Err(MatcherError::Name));
        assert_eq!(Matcher::new(&long, Operator::Equal, "x"), Err(MatcherError::Name));
        assert_eq!(Matcher::new("a", Operator::Equal, &long), Err(MatcherError::Value));
        for wrong in ["(", "a){2}(b", "(((a{100}){100}){100})"] {
            assert_eq!(Matcher::new("a", Operator::Matches, wrong), Err(MatcherError::Expression), "{wrong}");
        }
        assert!(Matcher::new("a", Operator::Equal, "(").is_ok());
    }
}
