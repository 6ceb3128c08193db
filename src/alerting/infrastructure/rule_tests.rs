//! Files of rule tests: series, log records and spans as people write them, and the transitions that have to come of them. Everything that is wrong with
//! a file is told at once.

mod numbers;
mod records;
mod series;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use self::records::{read_logs, read_spans};
use self::series::{SeriesReader, read_series};
use super::fields::{Fields, KnownFields, Problems, RuleFault};
use super::rule_files::{RuleFileError, load_rules, parse, read, rules_within};
use crate::alerting::application::rehearse::{LOOKS_MAX, Rehearsal, STEPS_MAX, Wanted};
use crate::alerting::application::rule_book::FieldProblem;
use crate::alerting::application::rule_test::{Expected, ReadRuleTests, RuleTest};
use crate::alerting::domain::instance::Lateness;
use crate::alerting::domain::rule::RuleSet;
use crate::alerting::domain::rule_words::{HoldTime, Severity};
use crate::shared::{TenantId, Timestamp, duration_text};

/// Most tests of a file.
pub const TESTS_MAX: usize = 1_000;
/// Most series of a test, and most entries of logs and of spans.
pub const SERIES_MAX: usize = 100;
/// Most transitions that a test expects.
pub const EXPECTED_MAX: usize = 500;
/// Longest time that a test takes, simulated; longer than the longest window.
pub const TIME_MAX: Duration = Duration::from_secs(30 * 3_600);
const _: () = assert!(TIME_MAX.as_secs() < STEPS_MAX);

/// When tests begin: a moment at which panes of all usual windows begin.
const START: Timestamp = Timestamp::from_nanos(864_864_000 * 1_000_000_000);
const STEP: Duration = Duration::from_secs(1);

pub const FILE_FIELDS: KnownFields = KnownFields(&["rules", "groups", "tests"]);
pub const TEST_FIELDS: KnownFields =
    KnownFields(&["name", "series", "logs", "spans", "expect", "all", "until", "lateness", "restart"]);
pub const EXPECTED_FIELDS: KnownFields =
    KnownFields(&["at", "kind", "rule", "tenant", "labels", "severity", "reason"]);

const TOLD_KINDS: [&str; 3] = ["firing", "severity", "resolved"];
const OTHER_KINDS: [&str; 3] = ["pending", "inactive", "recovering"];

/// Reads the tests of a file.
pub fn load_rule_tests(file: &Path) -> Result<Vec<RuleTest>, RuleFileError> {
    let mut problems = Problems::of_file(file);
    let tree = problems.check("", read(file).and_then(|text| parse(&text)));
    let tests = tree.and_then(|tree| file_of_tests(&tree, file, &mut problems));
    match tests {
        Some(Ok(tests)) if problems.found.is_empty() => Ok(tests),
        Some(Err(mut error)) => {
            error.problems.append(&mut problems.found);
            Err(error)
        }
        _ => Err(RuleFileError { problems: problems.found }),
    }
}

/// Reads tests as the API takes them: in the form of a file, with the rules in it.
#[derive(Debug)]
pub struct JsonRuleTests;

impl ReadRuleTests for JsonRuleTests {
    fn read(&self, body: &Value) -> Result<Vec<RuleTest>, Vec<FieldProblem>> {
        let place = Path::new("");
        let mut problems = Problems::of_file(place);
        // A path would be one of the server's.
        if body.get("rules").is_some() {
            problems.add("rules", RuleFault::WithoutEffect { with: "the API: give the groups" });
        }
        let tests = if problems.found.is_empty() { file_of_tests(body, place, &mut problems) } else { None };
        let mut found = problems.found;
        match tests {
            Some(Ok(tests)) if found.is_empty() => return Ok(tests),
            Some(Err(mut error)) => found.append(&mut error.problems),
            _ => {}
        }
        let told = found.iter().map(|problem| FieldProblem {
            field: problem.field.clone(),
            reason: match &problem.part {
                Some(part) => format!("{part}: {}", problem.fault).into(),
                None => problem.fault.to_string().into(),
            },
        });
        Err(told.collect())
    }
}

fn file_of_tests(
    tree: &Value,
    file: &Path,
    problems: &mut Problems,
) -> Option<Result<Vec<RuleTest>, RuleFileError>> {
    let fields = Fields::of(tree, "", &FILE_FIELDS, problems)?;
    let rules = match rules_of(&fields, file, problems)? {
        Ok(rules) => rules,
        Err(error) => return Some(Err(error)),
    };
    fields.required("tests", problems)?;
    let list = fields.list("tests", problems)?;
    if list.len() > TESTS_MAX {
        problems.add("tests", RuleFault::TooMany(TESTS_MAX));
        return None;
    }
    let mut tests = Vec::with_capacity(list.len());
    for (at, test) in list.iter().enumerate() {
        let name = test.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("number {}", at + 1), str::to_owned);
        problems.enter(format!("test {name}"));
        tests.extend(read_test(test, &rules, problems));
        problems.leave();
    }
    Some(Ok(tests))
}

fn rules_of(
    fields: &Fields<'_>,
    file: &Path,
    problems: &mut Problems,
) -> Option<Result<RuleSet, RuleFileError>> {
    let read = match (fields.get("rules"), fields.get("groups")) {
        (Some(_), None) => {
            let path = fields.text("rules", problems)?;
            load_rules(&beside(file, path), None)
        }
        (None, Some(groups)) => rules_within(groups, file),
        _ => {
            problems.add("rules", RuleFault::OneOfTwo);
            return None;
        }
    };
    Some(read.map(|files| files.rules().clone()))
}

/// A path that is relative to the folder of `file`.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn read_test(value: &Value, rules: &RuleSet, problems: &mut Problems) -> Option<RuleTest> {
    let fields = Fields::of(value, "", &TEST_FIELDS, problems)?;
    let name = fields.text("name", problems).map(Box::from);
    let all = fields.flag_or("all", false, problems);
    let wanted = all.map(|all| if all { Wanted::All } else { Wanted::Told });
    let until = time(&fields, "until", problems);
    let restart = time(&fields, "restart", problems);
    let lateness = lateness(&fields, problems);
    let series = series_of(&fields, problems);
    let expected = expected_of(&fields, wanted.unwrap_or(Wanted::All), rules, problems);
    let (restart, series, expected) = (restart?, series?, expected?);
    let last_expected = expected.iter().map(|expected| expected.at).max();
    let last_arrival = series.arrivals.iter().map(|arrival| arrival.at).max();
    let to = match until? {
        Some(until) => START.plus(until),
        None => last_expected.max(last_arrival).unwrap_or(START),
    };
    if to.since(START) > TIME_MAX {
        problems.add("until", RuleFault::TooLong { most: TIME_MAX });
        return None;
    }
    let SeriesReader { series, arrivals } = series;
    let arrivals = arrivals.into_iter().filter(|arrival| arrival.at <= to).collect();
    let rehearsal = Rehearsal {
        rules: rules.clone(),
        lateness: lateness?,
        series,
        arrivals,
        from: START,
        to,
        step: STEP,
        restart: restart.map(|restart| START.plus(restart)),
        looks_max: LOOKS_MAX,
    };
    Some(RuleTest { name: name?, rehearsal, expected, wanted: wanted? })
}

/// A time after the start, if the field is there.
fn time(fields: &Fields<'_>, field: &str, problems: &mut Problems) -> Option<Option<Duration>> {
    if fields.get(field).is_none() {
        return Some(None);
    }
    let text = fields.text(field, problems)?;
    let duration = problems.check(&fields.path(field), duration_text::parse(text))?;
    if duration > TIME_MAX {
        problems.add(&fields.path(field), RuleFault::TooLong { most: TIME_MAX });
        return None;
    }
    Some(Some(duration))
}

fn lateness(fields: &Fields<'_>, problems: &mut Problems) -> Option<Lateness> {
    if fields.get("lateness").is_none() {
        return Some(Lateness::default());
    }
    let text = fields.text("lateness", problems)?;
    problems.check("lateness", HoldTime::parse(text)).map(|time| Lateness(time.duration()))
}

/// All that is sent.
fn series_of(fields: &Fields<'_>, problems: &mut Problems) -> Option<SeriesReader> {
    let kinds: [(&str, Read); 3] = [("series", read_series), ("logs", read_logs), ("spans", read_spans)];
    let mut reader = SeriesReader::default();
    let mut all = Some(());
    for (field, read) in kinds {
        let list = fields.list(field, problems)?;
        if list.len() > SERIES_MAX {
            problems.add(field, RuleFault::TooMany(SERIES_MAX));
            return None;
        }
        for (at, value) in list.iter().enumerate() {
            all = all.and(read(value, &format!("{field} {}.", at + 1), &mut reader, problems));
        }
    }
    all.map(|()| reader)
}

/// Reads one entry.
type Read = fn(&Value, &str, &mut SeriesReader, &mut Problems) -> Option<()>;

fn expected_of(
    fields: &Fields<'_>,
    wanted: Wanted,
    rules: &RuleSet,
    problems: &mut Problems,
) -> Option<Vec<Expected>> {
    fields.required("expect", problems)?;
    let list = fields.list("expect", problems)?;
    if list.len() > EXPECTED_MAX {
        problems.add("expect", RuleFault::TooMany(EXPECTED_MAX));
        return None;
    }
    let ids: BTreeSet<&str> = rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    let read: Vec<Option<Expected>> = list
        .iter()
        .enumerate()
        .map(|(at, value)| expected(value, &format!("expect {}.", at + 1), wanted, &ids, problems))
        .collect();
    read.into_iter().collect()
}

fn expected(
    value: &Value,
    prefix: &str,
    wanted: Wanted,
    ids: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Option<Expected> {
    let fields = Fields::of(value, prefix, &EXPECTED_FIELDS, problems)?;
    fields.required("at", problems);
    let at = time(&fields, "at", problems);
    let kind = fields.text("kind", problems).and_then(|kind| {
        let known = TOLD_KINDS.contains(&kind) || (wanted == Wanted::All && OTHER_KINDS.contains(&kind));
        let allowed = "firing, severity, resolved; with all: true also pending, inactive, recovering";
        let kind = if known { Ok(kind) } else { Err(RuleFault::Word { allowed }) };
        problems.check(&fields.path("kind"), kind)
    });
    let rule = optional(&fields, "rule", problems)?;
    if rule.is_some_and(|rule| !ids.contains(rule)) {
        problems.add(&fields.path("rule"), RuleFault::UnknownRule);
        return None;
    }
    let tenant = match optional(&fields, "tenant", problems)? {
        None => None,
        Some(text) => Some(problems.check(&fields.path("tenant"), TenantId::parse(text))?),
    };
    let severity = match optional(&fields, "severity", problems)? {
        None => None,
        Some(text) => {
            let word =
                Severity::parse(text).ok_or(RuleFault::Word { allowed: "INFO, WARN, ERROR, CRITICAL" });
            Some(problems.check(&fields.path("severity"), word)?)
        }
    };
    let labels = fields.pairs("labels", problems)?;
    let reason = optional(&fields, "reason", problems)?;
    Some(Expected {
        at: START.plus(at??),
        kind: kind?.into(),
        rule: rule.map(Box::from),
        tenant,
        labels,
        severity,
        reason: reason.map(Box::from),
    })
}

fn optional<'a>(fields: &Fields<'a>, field: &str, problems: &mut Problems) -> Option<Option<&'a str>> {
    if fields.get(field).is_none() { Some(None) } else { fields.text(field, problems).map(Some) }
}

#[cfg(test)]
mod tests;
