//! Rule files as people write them, well and badly.

use std::time::Duration;

use super::*;
use crate::alerting::domain::rule::NoData;
use crate::alerting::domain::rule_words::Severity;
use crate::alerting::infrastructure::rule_reader::{NO_DATA_FIELDS, RULE_FIELDS, THRESHOLD_FIELDS};
use crate::shared::TenantId;

const WHOLE: &str = r#"
groups:
- name: checkout
  rules:
  - id: checkout-latency
    name: Checkout slow
    metric: http.server.request.duration
    filter: 'service.name = "checkout" and http.route exists'
    tenant: shop
    enabled: false
    aggregation: p99
    window: 5m
    groupBy: [http.route]
    thresholds:
    - {severity: CRITICAL, op: ">", value: 2}
    - {severity: WARN, op: ">", value: 0.8, recovery: 0.6}
    for: 2m
    keepFiringFor: 3m
    noData: {after: 10m, action: alert}
    minPoints: 3
    newGroupGrace: 1m
    labels: {team: payments}
    annotations: {summary: "{{ value }} s on {{ labels['http.route'] }}", runbook_url: "https://wiki/x"}
    channels: [slack-payments]
"#;

const SMALL: &str = r#"
groups:
- name: g
  rules:
  - id: small
    metric: m
    aggregation: max
    window: 1m
    thresholds: [{severity: WARN, op: "<=", value: 0.5}]
"#;

fn load(files: &[(&str, &str)]) -> Result<RuleFiles, RuleFileError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    load_rules(folder.path(), Some(&BTreeSet::from(["slack-payments".to_owned()])))
}

/// The problems of one file, without its folder.
fn problems(text: &str) -> Vec<String> {
    let error = load(&[("rules.yaml", text)]).expect_err(text);
    let short = |problem: &RuleProblem| {
        let text = problem.to_string();
        text.split_once("rules.yaml: ").map(|(_, rest)| rest.to_owned()).unwrap_or(text)
    };
    error.problems.iter().map(short).collect()
}

/// `SMALL` with one line in place of another.
fn small_with(line: &str, instead: &str) -> String {
    assert!(SMALL.contains(line), "{line}");
    SMALL.replace(line, instead)
}

#[test]
fn a_whole_rule_is_read() {
    let rules = load(&[("a.yaml", WHOLE)]).unwrap();
    let rule = &rules.rules().rules()[0];
    assert_eq!(rule.id.as_str(), "checkout-latency");
    assert_eq!(rule.measure.expression(), "p99(http.server.request.duration) over 5m by (http.route)");
    let thresholds: Vec<_> =
        rule.thresholds.iter().map(|one| (one.severity(), one.value(), one.recovery())).collect();
    assert_eq!(thresholds, [(Severity::Warn, 0.8, Some(0.6)), (Severity::Critical, 2.0, None)]);
    assert_eq!((rule.hold.duration().as_secs(), rule.keep_firing.duration().as_secs()), (120, 180));
    assert_eq!(rule.no_data, NoData::Alert { after: Duration::from_secs(600) });
    assert_eq!((rule.points_min, rule.new_group_grace.duration().as_secs()), (3, 60));
    assert_eq!((rule.tenant.as_ref().map(TenantId::as_str), rule.is_enabled()), (Some("shop"), false));
    assert_eq!(rule.channels, [Box::from("slack-payments")]);
    assert_eq!(rule.annotations.len(), 2);
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let rules = load(&[("a.yml", SMALL)]).unwrap();
    let rule = &rules.rules().rules()[0];
    assert_eq!((&*rule.name, rule.hold.duration().as_secs()), ("small", 0));
    assert!(rule.channels.is_empty());
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_other_files_are_left_alone() {
    let rules = load(&[("b.yml", SMALL), ("a.yaml", WHOLE), ("notes.txt", "not: [yaml")]).unwrap();
    let ids: Vec<_> = rules.rules().rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["checkout-latency", "small"]);
    assert!(load(&[]).unwrap().is_empty());
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = load_rules(&folder.path().join("none.yaml"), None).unwrap_err();
    assert!(error.to_string().contains("none.yaml: cannot be read"), "{error}");
}

#[test]
fn each_mistake_is_told_with_the_rule_the_field_and_the_reason() {
    for (line, instead, problem) in [
        ("id: small", "id: 'a b'", "rule a b: id: an id consists of letters, digits, '_', '-' and '.'"),
        (
            "id: small",
            "id: backtest",
            "rule backtest: id: 'test', 'backtest', '.' and '..' are not ids: the API has other uses for these words",
        ),
        ("- id: small", "- name: x", "rule number 1: id: is missing"),
        ("metric: m", "metric: ''", "rule small: metric: a metric's name has 1 to 1024 bytes"),
        ("metric: m", "metrics: m", "rule small: metrics: is not a known field; did you mean 'metric'?"),
        ("metric: m", "metric: 5", "rule small: metric: is not a text (put it in quotes)"),
        (
            "aggregation: max",
            "aggregation: median",
            "rule small: aggregation: has to be one of avg, min, max, sum, count, last, rate, increase, error_ratio, or a percentile like p99 or p99.9",
        ),
        (
            "aggregation: max",
            "aggregation: p100",
            "rule small: aggregation: has to be one of avg, min, max, sum, count, last, rate, increase, error_ratio, or a percentile like p99 or p99.9",
        ),
        (
            "metric: m",
            "source: logs",
            "rule small: aggregation: is nothing that the rule's source has: logs count (count, rate, increase), error_ratio is of spans, last of metrics",
        ),
        (
            "metric: m",
            "metric: m\n    source: spans",
            "rule small: metric: has no effect with logs and spans",
        ),
        ("metric: m", "source: traces", "rule small: source: has to be one of metrics, logs, spans"),
        ("window: 1m", "window: 25h", "rule small: window: a window is 1s to 24h"),
        (
            "window: 1m",
            "window: soon",
            "rule small: window: a duration is written like 250ms, 30s, 5m, 1h30m or 7d",
        ),
        ("WARN", "warn", "rule small: thresholds.severity: has to be one of INFO, WARN, ERROR, CRITICAL"),
        ("\"<=\"", "\"=<\"", "rule small: thresholds.op: has to be one of > >= < <= == !="),
        ("value: 0.5", "value: high", "rule small: thresholds.value: is not a number"),
        (
            "value: 0.5",
            "value: 0.5, recovery: 0.4",
            "rule small: thresholds.recovery: a recovery value lies on the good side of the threshold, or on it",
        ),
        (
            "value: 0.5",
            "value: 0.5}, {severity: INFO, op: \"<\", value: 0.1",
            "rule small: thresholds: the threshold of INFO can never be the worst that is met: that of WARN is met no later",
        ),
        (
            "[{severity: WARN, op: \"<=\", value: 0.5}]",
            "[]",
            "rule small: thresholds: at least one threshold is needed",
        ),
        (
            "value: 0.5",
            "valeu: 0.5",
            "rule small: thresholds.valeu: is not a known field; did you mean 'value'?",
        ),
        ("metric: m", "metric: m\n    keepFiringFor: 2d", "rule small: keepFiringFor: has to be 0s to 24h"),
        ("metric: m", "metric: m\n    noData: {after: 1m}", "rule small: noData.action: is missing"),
        ("metric: m", "metric: m\n    noData: {action: alert}", "rule small: noData.after: is missing"),
        (
            "metric: m",
            "metric: m\n    noData: {action: keep, after: 1m}",
            "rule small: noData.after: has no effect with the action 'keep'",
        ),
        (
            "metric: m",
            "metric: m\n    noData: {action: never}",
            "rule small: noData.action: has to be one of keep, ok, alert",
        ),
        ("metric: m", "metric: m\n    minPoints: 0", "rule small: minPoints: has to be 1 to 1000000"),
        ("metric: m", "metric: m\n    enabled: 1", "rule small: enabled: is not true or false"),
        (
            "metric: m",
            "metric: m\n    labels: {severity: high}",
            "rule small: labels.severity: is given to each alert by the rule itself",
        ),
        ("metric: m", "metric: m\n    for: 2d", "rule small: for: has to be 0s to 24h"),
        (
            "metric: m",
            "metric: m\n    filter: 'a = b'",
            "rule small: filter: expected a text in double quotes at position 4",
        ),
        (
            "metric: m",
            "metric: m\n    channels: [nowhere]",
            "rule small: channels.nowhere: no channel of this name is configured",
        ),
        ("metric: m", "metric: m\n    groupBy: [a, a]", "rule small: groupBy: a label stands twice"),
        (
            "metric: m",
            "metric: m\n    labels: {a: 1}",
            "rule small: labels.a: is not a text (put it in quotes)",
        ),
        ("name: g", "nam: g", "groups.nam: is not a known field; did you mean 'name'?"),
    ] {
        let found = problems(&small_with(line, instead));
        assert!(found.iter().any(|text| text == problem), "{instead}: {found:?}");
    }
}

#[test]
fn a_wrong_template_is_told() {
    let found = problems(&small_with("metric: m", "metric: m\n    annotations: {summary: '{{ value'}"));
    assert!(found[0].starts_with("rule small: annotations.summary: not a valid template: "), "{found:?}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let worse = SMALL.replace("window: 1m", "window: 0s").replace("metric: m", "metric: ''\n    oops: 1");
    let error = load(&[("a.yaml", worse.as_str()), ("b.yaml", "groups: 5"), ("c.yaml", "{")]).unwrap_err();
    assert_eq!(error.problems.len(), 5, "{error}");
    assert_eq!(error.to_string().matches("rule small").count(), 3, "{error}");
}

#[test]
fn an_id_stands_once_in_all_files() {
    let error = load(&[("a.yaml", SMALL), ("b.yaml", SMALL)]).unwrap_err();
    assert!(error.to_string().ends_with("b.yaml: rule small: id: another rule has this id"), "{error}");
}

#[test]
fn what_is_not_a_rule_file_is_refused_and_never_panics() {
    for text in [
        "",
        "null",
        "[]",
        "5",
        "groups",
        "groups: {}",
        "groups: [5]",
        "groups: [{name: a, rules: [5]}]",
        "\u{0}",
        "a: &a [*a]",
    ] {
        assert!(!problems(text).is_empty(), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for open in ["[", "{a: ", "- "] {
        assert!(!problems(&open.repeat(100_000)).is_empty());
    }
}

#[test]
fn the_schema_names_every_field_that_is_read_and_no_other() {
    let text = include_str!("../../../../schemas/alert-rules.schema.json");
    let schema: Value = serde_json::from_str(text).unwrap();
    for (place, fields) in [
        ("", &FILE_FIELDS),
        ("/$defs/group", &GROUP_FIELDS),
        ("/$defs/rule", &RULE_FIELDS),
        ("/$defs/threshold", &THRESHOLD_FIELDS),
        ("/$defs/rule/properties/noData", &NO_DATA_FIELDS),
    ] {
        let properties = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object).unwrap();
        let described: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(described, fields.0.iter().copied().collect(), "{place}");
        let others = schema.pointer(&format!("{place}/additionalProperties"));
        assert_eq!(others, Some(&Value::Bool(false)), "{place}");
    }
}
