//! Reads the fields of one mapping of a rule file, and collects everything that is wrong with them.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::annotations::AnnotationError;
use crate::alerting::domain::condition::ThresholdError;
use crate::alerting::domain::rule_words::{GroupByError, HoldTimeError, RuleIdError, WatchedMetricError};
use crate::alerting::domain::thresholds::ThresholdsError;
use crate::alerting::domain::window::EvaluationWindowError;
use crate::shared::FilterError;
use crate::shared::duration_text::{self, DurationTextError};
use crate::shared::tenant::TenantIdError;

/// One thing that is wrong with a rule file.
#[derive(Debug, thiserror::Error)]
pub struct RuleProblem {
    pub file: PathBuf,
    /// `rule checkout-slow`, or its place in the file while it has no id; `test ...` in a file of tests.
    pub part: Option<Box<str>>,
    /// Empty where the file as a whole is meant.
    pub field: Box<str>,
    #[source]
    pub fault: RuleFault,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuleFault {
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    #[error("is not valid YAML: {}", .0.without_snippet())]
    Yaml(Box<serde_saphyr::Error>),
    #[error("is missing")]
    Missing,
    #[error("is not a known field{}", nearest_hint(*.nearest))]
    UnknownField { nearest: Option<&'static str> },
    #[error("is not {expected}")]
    Kind { expected: &'static str },
    #[error("has to be one of {allowed}")]
    Word { allowed: &'static str },
    #[error("has no effect with {with}")]
    WithoutEffect { with: &'static str },
    #[error(
        "is nothing that the rule's source has: logs count (count, rate, increase), error_ratio is of spans, last of metrics"
    )]
    NotOfSource,
    #[error("is given to each alert by the rule itself")]
    ReservedLabel,
    #[error("has to be {from} to {to}")]
    Bounds { from: u64, to: u64 },
    #[error("has more than {0} entries")]
    TooMany(usize),
    #[error("no channel of this name is configured")]
    UnknownChannel,
    #[error("the file has no rule of this id")]
    UnknownRule,
    #[error("of groups and rules one is needed, not both")]
    OneOfTwo,
    #[error("is at most {}", duration_text::format(*.most))]
    TooLong { most: Duration },
    #[error(
        "is written like \"20x30 35 _x5 0+5x60\" (value x times, _ for none, value + step x times); {0:?} is not"
    )]
    Values(Box<str>),
    #[error("begin at the lowest and ascend, and a point has one count more than bounds")]
    Buckets,
    #[error(transparent)]
    Duration(#[from] DurationTextError),
    #[error("another rule has this id")]
    DuplicateId,
    #[error(transparent)]
    Id(#[from] RuleIdError),
    #[error(transparent)]
    Metric(#[from] WatchedMetricError),
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Window(#[from] EvaluationWindowError),
    #[error(transparent)]
    Hold(#[from] HoldTimeError),
    #[error(transparent)]
    GroupBy(#[from] GroupByError),
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    #[error(transparent)]
    Thresholds(#[from] ThresholdsError),
    #[error(transparent)]
    Tenant(#[from] TenantIdError),
    #[error("{}", with_cause(.0))]
    Annotation(#[from] AnnotationError),
}

fn nearest_hint(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

fn with_cause(error: &AnnotationError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

impl std::fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(part) = &self.part {
            write!(f, "{part}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// Collects problems, knowing which file and rule is being read.
#[derive(Debug)]
pub struct Problems {
    file: PathBuf,
    part: Option<Box<str>>,
    pub found: Vec<RuleProblem>,
}

impl Problems {
    pub fn of_file(file: &Path) -> Self {
        Self { file: file.to_owned(), part: None, found: Vec::new() }
    }

    /// What is found from here on is wrong with this part of the file.
    pub fn enter(&mut self, part: impl Into<Box<str>>) {
        self.part = Some(part.into());
    }

    pub fn leave(&mut self) {
        self.part = None;
    }

    pub fn add(&mut self, field: &str, fault: impl Into<RuleFault>) {
        self.found.push(RuleProblem {
            file: self.file.clone(),
            part: self.part.clone(),
            field: field.into(),
            fault: fault.into(),
        });
    }

    /// The good value; a bad one is noted.
    pub fn check<T, E: Into<RuleFault>>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(field, fault)).ok()
    }
}

/// The names that a mapping may have.
#[derive(Debug)]
pub struct KnownFields(pub &'static [&'static str]);

impl KnownFields {
    fn nearest(&self, name: &str) -> Option<&'static str> {
        let name = name.to_ascii_lowercase().replace(['_', '-'], "");
        let distance = |known: &&&str| edit_distance(&name, &known.to_ascii_lowercase());
        let (near, known) = self.0.iter().map(|known| (distance(&known), *known)).min()?;
        (near <= 2 && near < known.len()).then_some(known)
    }
}

/// One mapping, read field by field. Each reader notes what is wrong and gives `None` then.
#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    prefix: &'a str,
}

impl<'a> Fields<'a> {
    /// `prefix` stands before the names of fields in problems: `thresholds.`.
    pub fn of(
        value: &'a Value,
        prefix: &'a str,
        known: &KnownFields,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Value::Object(map) = value else {
            problems.add(prefix.trim_end_matches('.'), RuleFault::Kind { expected: "a mapping" });
            return None;
        };
        let fields = Self { map, prefix };
        for name in map.keys().filter(|name| !known.0.contains(&name.as_str())) {
            problems.add(&fields.path(name), RuleFault::UnknownField { nearest: known.nearest(name) });
        }
        Some(fields)
    }

    pub fn path(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    pub fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    pub fn required(&self, field: &str, problems: &mut Problems) -> Option<&'a Value> {
        let value = self.get(field);
        if value.is_none() {
            problems.add(&self.path(field), RuleFault::Missing);
        }
        value
    }

    pub fn text(&self, field: &str, problems: &mut Problems) -> Option<&'a str> {
        let value = self.required(field, problems)?;
        self.as_text(field, value, problems)
    }

    pub fn text_or(&self, field: &str, default: &'a str, problems: &mut Problems) -> Option<&'a str> {
        match self.get(field) {
            Some(value) => self.as_text(field, value, problems),
            None => Some(default),
        }
    }

    fn as_text(&self, field: &str, value: &'a Value, problems: &mut Problems) -> Option<&'a str> {
        let text = value.as_str();
        if text.is_none() {
            problems.add(&self.path(field), RuleFault::Kind { expected: "a text (put it in quotes)" });
        }
        text
    }

    pub fn flag_or(&self, field: &str, default: bool, problems: &mut Problems) -> Option<bool> {
        let Some(value) = self.get(field) else { return Some(default) };
        problems
            .check(&self.path(field), value.as_bool().ok_or(RuleFault::Kind { expected: "true or false" }))
    }

    pub fn count_or(
        &self,
        field: &str,
        default: u64,
        bounds: RangeInclusive<u64>,
        problems: &mut Problems,
    ) -> Option<u64> {
        let Some(value) = self.get(field) else { return Some(default) };
        let (from, to) = (*bounds.start(), *bounds.end());
        let count = value.as_u64().filter(|count| bounds.contains(count));
        problems.check(&self.path(field), count.ok_or(RuleFault::Bounds { from, to }))
    }

    /// A number, if the field is there.
    pub fn number(&self, field: &str, problems: &mut Problems) -> Option<Option<f64>> {
        let Some(value) = self.get(field) else { return Some(None) };
        let number = value.as_f64().ok_or(RuleFault::Kind { expected: "a number" });
        problems.check(&self.path(field), number).map(Some)
    }

    /// A list, empty if the field is not there.
    pub fn list(&self, field: &str, problems: &mut Problems) -> Option<&'a [Value]> {
        match self.get(field) {
            None => Some(&[]),
            Some(Value::Array(values)) => Some(values),
            Some(_) => {
                problems.add(&self.path(field), RuleFault::Kind { expected: "a list" });
                None
            }
        }
    }

    pub fn texts(&self, field: &str, problems: &mut Problems) -> Option<Vec<Box<str>>> {
        let values = self.list(field, problems)?;
        values.iter().map(|value| self.as_text(field, value, problems).map(Box::from)).collect()
    }

    /// A mapping of names to texts, empty if the field is not there.
    pub fn pairs(&self, field: &str, problems: &mut Problems) -> Option<Vec<(Box<str>, Box<str>)>> {
        let map = match self.get(field) {
            None => return Some(Vec::new()),
            Some(Value::Object(map)) if map.len() <= PAIRS_MAX => map,
            Some(Value::Object(_)) => {
                problems.add(&self.path(field), RuleFault::TooMany(PAIRS_MAX));
                return None;
            }
            Some(_) => {
                problems.add(&self.path(field), RuleFault::Kind { expected: "a mapping" });
                return None;
            }
        };
        let pair = |(name, value): (&'a String, &'a Value)| {
            let text = self.as_text(&format!("{field}.{name}"), value, problems)?;
            Some((name.as_str().into(), text.into()))
        };
        map.iter().map(pair).collect()
    }
}

/// Most labels, and most annotations, of a rule.
const PAIRS_MAX: usize = 64;

/// How many characters have to be added, taken away or changed (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (done, from) in a.chars().enumerate() {
        let mut diagonal = done;
        let mut left = done + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = changed.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_name_is_suggested() {
        let known = KnownFields(&["metric", "groupBy", "for"]);
        for (name, nearest) in [
            ("metrc", Some("metric")),
            ("group_by", Some("groupBy")),
            ("fro", Some("for")),
            ("severity", None),
        ] {
            assert_eq!(known.nearest(name), nearest, "{name}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("", "ab", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(edit_distance(a, b), edits, "{a} {b}");
        }
    }
}
