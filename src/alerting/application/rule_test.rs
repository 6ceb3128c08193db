//! Use case: a rule test. What is expected of rules is compared with what they do, moment by moment.

use std::time::Duration;

use serde_json::Value;

use super::rehearse::{Rehearsal, RehearsalError, Wanted};
use super::rule_book::FieldProblem;
use crate::alerting::domain::rule_words::Severity;
use crate::alerting::domain::transition::Transition;
use crate::shared::{TenantId, Timestamp, duration_text};

/// A test, ready to run.
#[derive(Debug)]
pub struct RuleTest {
    pub name: Box<str>,
    pub rehearsal: Rehearsal,
    pub expected: Vec<Expected>,
    pub wanted: Wanted,
}

/// Port: makes tests of what people write.
pub trait ReadRuleTests: Send + Sync {
    fn read(&self, body: &Value) -> Result<Vec<RuleTest>, Vec<FieldProblem>>;
}

/// A transition that has to happen. What is absent may be anything.
#[derive(Debug, Clone)]
pub struct Expected {
    pub at: Timestamp,
    pub kind: Box<str>,
    pub rule: Option<Box<str>>,
    pub tenant: Option<TenantId>,
    /// Labels that it has, among others.
    pub labels: Vec<(Box<str>, Box<str>)>,
    pub severity: Option<Severity>,
    pub reason: Option<Box<str>>,
}

/// How a test went.
#[derive(Debug)]
pub struct TestOutcome {
    pub name: Box<str>,
    /// What was expected beside what happened, in order of time.
    pub rows: Vec<Compared>,
}

/// A line of the comparison; one side is empty where something is missing or was not expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub expected: String,
    pub found: String,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    AsExpected,
    Missing,
    Unexpected,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsExpected => "ok",
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
        }
    }
}

impl TestOutcome {
    pub fn has_passed(&self) -> bool {
        self.rows.iter().all(|row| row.verdict == Verdict::AsExpected)
    }
}

impl RuleTest {
    pub fn run(self) -> Result<TestOutcome, RehearsalError> {
        let from = self.rehearsal.from;
        let found = self.rehearsal.play(self.wanted)?.transitions;
        Ok(TestOutcome { name: self.name, rows: compare(&self.expected, &found, from) })
    }
}

/// Pairs what belongs together. Of one moment the order does not count.
fn compare(expected: &[Expected], found: &[Transition], from: Timestamp) -> Vec<Compared> {
    let mut rows: Vec<(Timestamp, Compared)> = Vec::new();
    let mut left: Vec<Option<&Transition>> = found.iter().map(Some).collect();
    for wanted in expected {
        let place = left.iter_mut().find(|place| place.is_some_and(|found| wanted.is(found)));
        let pair = place.and_then(Option::take);
        let verdict = if pair.is_some() { Verdict::AsExpected } else { Verdict::Missing };
        let found = pair.map_or_else(String::new, |found| said(found, from));
        rows.push((wanted.at, Compared { expected: wanted.said(from), found, verdict }));
    }
    let unexpected = left.into_iter().flatten().map(|found| {
        let row =
            Compared { expected: String::new(), found: said(found, from), verdict: Verdict::Unexpected };
        (found.at, row)
    });
    rows.extend(unexpected);
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

impl Expected {
    fn is(&self, found: &Transition) -> bool {
        let labels = found.labels();
        self.at == found.at
            && *self.kind == *found.kind()
            && self.rule.as_deref().is_none_or(|rule| rule == found.rule().id.as_str())
            && self.tenant.as_ref().is_none_or(|tenant| *tenant == found.group.tenant)
            && self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
            && self.severity.is_none_or(|severity| severity == found.severity())
            && self.reason.as_deref().is_none_or(|reason| reason == found.reason())
    }

    fn said(&self, from: Timestamp) -> String {
        let labels = self.labels.iter().map(|(name, value)| (&**name, &**value));
        let severity = self.severity.map(Severity::name);
        let rule = self.rule.as_deref();
        line(self.at.since(from), rule, labels, &self.kind, severity, self.reason.as_deref())
    }
}

fn said(found: &Transition, from: Timestamp) -> String {
    let (labels, reason) = (found.labels(), found.reason());
    let severity = Some(found.severity().name());
    let rule = Some(found.rule().id.as_str());
    line(found.at.since(from), rule, labels.iter(), found.kind(), severity, Some(&reason))
}

/// `31s too-warm {room=kitchen} firing WARN "max 35 > 30"`.
fn line<'a>(
    at: Duration,
    rule: Option<&str>,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    kind: &str,
    severity: Option<&str>,
    reason: Option<&str>,
) -> String {
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let reason = reason.map_or_else(String::new, |reason| format!("{reason:?}"));
    let at = duration_text::format(at);
    let words = [&*at, rule.unwrap_or_default(), &*labels, kind, severity.unwrap_or_default(), &*reason];
    let said: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    said.join(" ")
}
