//! Files of tests as people write them, well and badly.

use std::fs;

use super::records::{LOG_FIELDS, SPAN_FIELDS};
use super::series::{POINT_FIELDS, SERIES_FIELDS};
use super::*;

const SMALL: &str = r#"
groups:
- name: g
  rules:
  - {id: hot, metric: m, aggregation: max, window: 10s, thresholds: [{severity: WARN, op: ">", value: 5}]}
tests:
- name: one
  series:
  - {metric: m, values: "1x5 9"}
  expect:
  - {at: 5s, rule: hot, kind: firing, severity: WARN, reason: "max 9 > 5"}
"#;

fn load(text: &str) -> Result<Vec<RuleTest>, RuleFileError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tests.yaml");
    fs::write(&file, text).unwrap();
    load_rule_tests(&file)
}

fn problems(text: &str) -> Vec<String> {
    let error = load(text).expect_err(text);
    let told = |problem: &super::super::fields::RuleProblem| {
        let text = problem.to_string();
        text.split_once("tests.yaml: ").map_or(text.clone(), |(_, rest)| rest.to_owned())
    };
    error.problems.iter().map(told).collect()
}

fn small_with(line: &str, instead: &str) -> String {
    assert!(SMALL.contains(line), "{line}");
    SMALL.replace(line, instead)
}

fn rows(text: &str) -> Vec<(&'static str, String, String)> {
    let outcome = load(text).unwrap().remove(0).run().unwrap();
    outcome.rows.into_iter().map(|row| (row.verdict.name(), row.expected, row.found)).collect()
}

#[test]
fn a_test_passes_when_exactly_what_it_lists_happens() {
    let line = "5s hot firing WARN \"max 9 > 5\"".to_owned();
    assert_eq!(rows(SMALL), [("ok", line.clone(), line)]);
}

#[test]
fn what_is_missing_or_not_expected_stands_side_by_side() {
    let late = rows(&small_with("at: 5s", "at: 4s"));
    let told: Vec<_> =
        late.iter().map(|(verdict, expected, found)| (*verdict, &**expected, &**found)).collect();
    let found = "5s hot firing WARN \"max 9 > 5\"";
    assert_eq!(told, [("missing", "4s hot firing WARN \"max 9 > 5\"", ""), ("unexpected", "", found)]);
    for (line, instead) in [
        ("rule: hot, kind: firing", "rule: hot, kind: resolved"),
        ("severity: WARN, reason", "severity: INFO, reason"),
        ("max 9 > 5", "max 8 > 5"),
        ("kind: firing,", "kind: firing, labels: {a: b},"),
        ("kind: firing,", "kind: firing, tenant: other,"),
    ] {
        let verdicts: Vec<_> = rows(&small_with(line, instead)).into_iter().map(|row| row.0).collect();
        assert!(verdicts.contains(&"missing") && verdicts.contains(&"unexpected"), "{instead}");
    }
}

#[test]
fn rules_may_stand_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, tests) = SMALL.split_once("tests:").unwrap();
    fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    let file = folder.path().join("tests.yaml");
    fs::write(&file, format!("rules: rules.yaml\ntests:{tests}")).unwrap();
    assert_eq!(load_rule_tests(&file).unwrap().len(), 1);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    for (line, instead, problem) in [
        ("name: one", "nam: one", "test number 1: nam: is not a known field; did you mean 'name'?"),
        ("metric: m, values", "metrik: m, values", "test one: series 1.metric: is missing"),
        (
            "1x5 9",
            "1xx 9",
            "test one: series 1.values: is written like \"20x30 35 _x5 0+5x60\" (value x times, _ for none, value + step x times); \"1xx\" is not",
        ),
        ("1x5 9", "1x200001", "test one: series 1.values: has more than 200000 entries"),
        (
            "metric: m, values",
            "metric: m, kind: gage, values",
            "test one: series 1.kind: has to be one of gauge, sum, histogram, exponential_histogram",
        ),
        (
            "metric: m, values",
            "metric: m, every: 0s, values",
            "test one: series 1.every: is not a time above 0s",
        ),
        (
            "metric: m, values",
            "metric: m, bounds: [1], values",
            "test one: series 1.bounds: has no effect with gauges and sums",
        ),
        (
            "metric: m, values: \"1x5 9\"",
            "metric: m, kind: histogram, bounds: [2, 1], points: [{counts: [1, 1, 1]}]",
            "test one: series 1.points 1.counts: begin at the lowest and ascend, and a point has one count more than bounds",
        ),
        (
            "metric: m, values: \"1x5 9\"",
            "metric: m, kind: histogram, bounds: [1], points: [{counts: [1, -1]}]",
            "test one: series 1.points 1.counts: is not a list of at most 200 counts",
        ),
        (
            "metric: m, values: \"1x5 9\"",
            "metric: m, kind: exponential_histogram, scale: 21, points: []",
            "test one: series 1.scale: is not an integer of -10 to 20",
        ),
        (
            "at: 5s",
            "at: soon",
            "test one: expect 1.at: a duration is written like 250ms, 30s, 5m, 1h30m or 7d",
        ),
        ("at: 5s", "at: 7d", "test one: expect 1.at: is at most 1d6h"),
        (
            "kind: firing",
            "kind: pending",
            "test one: expect 1.kind: has to be one of firing, severity, resolved; with all: true also pending, inactive, recovering",
        ),
        ("rule: hot", "rule: cold", "test one: expect 1.rule: the file has no rule of this id"),
        ("window: 10s", "window: 25h", "rule hot: window: a window is 1s to 24h"),
        ("groups:", "rules: rules.yaml\ngroups:", "rules: of groups and rules one is needed, not both"),
        ("name: one", "name: one\n  until: 31h", "test one: until: is at most 1d6h"),
    ] {
        let found = problems(&small_with(line, instead));
        assert!(found.iter().any(|text| text == problem), "{instead}: {found:?}");
    }
}

#[test]
fn what_is_wrong_with_records_is_told_with_its_place() {
    let sent = "  series:\n  - {metric: m, values: \"1x5 9\"}\n";
    for (entry, problem) in [
        ("logs: [{counts: \"1.5\"}]", "logs 1.counts: is not a list of counts"),
        ("logs: [{counts: \"-1\"}]", "logs 1.counts: is not a list of counts"),
        ("logs: [{counts: \"150000 150000\"}]", "logs 1.counts: has more than 200000 entries"),
        ("logs: [{counts: \"1\", body: x}]", "logs 1.body: is not a known field"),
        (
            "logs: [{labels: {severity: err}, counts: \"1\"}]",
            "logs 1.labels.severity: has to be one of unspecified, trace, debug, info, warn, error, fatal",
        ),
        ("logs: [{labels: {severity: error}}]", "logs 1.counts: is missing"),
        ("spans: [{durations: \"-1\"}]", "spans 1.durations: is not a list of seconds"),
        ("spans: [{durations: \"1x21\", times: 10000}]", "spans 1.times: has more than 200000 entries"),
        ("spans: [{durations: \"1\", times: 0}]", "spans 1.times: has to be 1 to 10000"),
        (
            "spans: [{labels: {status: failed}, durations: \"1\"}]",
            "spans 1.labels.status: has to be one of unset, ok, error",
        ),
        (
            "spans: [{labels: {kind: Server}, durations: \"1\"}]",
            "spans 1.labels.kind: has to be one of unspecified, internal, server, client, producer, consumer",
        ),
    ] {
        let found = problems(&small_with(sent, &format!("  {entry}\n")));
        assert_eq!(found, [format!("test one: {problem}")], "{entry}");
    }
}

#[test]
fn what_is_not_a_file_of_tests_is_refused_and_never_panics() {
    for text in
        ["", "[]", "5", "tests: []", "groups: []", "groups: []\ntests: [5]", "\u{0}", "rules: 5\ntests: []"]
    {
        assert!(!problems(text).is_empty(), "{text}");
    }
    for open in ["[", "{a: ", "- "] {
        assert!(!problems(&open.repeat(100_000)).is_empty());
    }
    assert!(load_rule_tests(Path::new("none.yaml")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn the_schema_names_every_field_that_is_read_and_no_other() {
    let text = include_str!("../../../../schemas/alert-rule-tests.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    for (place, fields) in [
        ("", &FILE_FIELDS),
        ("/$defs/test", &TEST_FIELDS),
        ("/$defs/expected", &EXPECTED_FIELDS),
        ("/$defs/series", &SERIES_FIELDS),
        ("/$defs/point", &POINT_FIELDS),
        ("/$defs/logs", &LOG_FIELDS),
        ("/$defs/spans", &SPAN_FIELDS),
    ] {
        let properties = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object).unwrap();
        let described: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(described, fields.0.iter().copied().collect(), "{place}");
        let others = schema.pointer(&format!("{place}/additionalProperties"));
        assert_eq!(others, Some(&Value::Bool(false)), "{place}");
    }
}
