//! Rules over log records and spans.

use std::time::Duration;

use super::*;
use crate::alerting::domain::evaluator::EvaluatorLimits;
use crate::alerting::domain::fixtures::{self, rule, second};
use crate::alerting::domain::instance::PointRefusal;
use crate::alerting::domain::rule_words::GroupBy;
use crate::shared::{
    BodyType, LabelFilter, LogColumns, LogRow, OriginColumns, RecordLabels, SpanColumns, SpanId, SpanRow,
    TraceId,
};

const START: i64 = 1_000_000;

fn evaluator(source: Source, condition: &str, filter: &str, group_by: &[&str]) -> AlertEvaluator {
    let mut rule = rule(condition, "10s");
    rule.measure.source = source;
    rule.measure.filter = LabelFilter::parse(filter).unwrap();
    rule.measure.group_by = GroupBy::parse(group_by.iter().map(|label| (*label).into()).collect()).unwrap();
    fixtures::evaluator(vec![rule], EvaluatorLimits::default()).1
}

fn origin(origins: &mut OriginColumns, service: &str) -> u32 {
    origins.resources.services.push(service);
    let attributes = &mut origins.resources.attributes;
    let code = attributes.learn("service.name");
    attributes.begin_entry(code);
    attributes.value().extend_from_slice(service.as_bytes());
    attributes.close_entry();
    attributes.close_row();
    origins.scopes.names.push("scope");
    origins.add()
}

fn logs(service: &str, records: &[(i32, &str)]) -> LogsIngested {
    let mut columns = LogColumns::new(TenantId::unnamed());
    let origin = origin(&mut columns.origins, service);
    let (severity_text, event_name) = (columns.severity_texts.learn(""), columns.event_names.learn(""));
    for (severity, body) in records {
        columns.bodies.open().extend_from_slice(body.as_bytes());
        columns.push(&LogRow {
            time: second(START),
            observed: Timestamp::EPOCH,
            trace_id: None,
            span_id: None,
            flags: 0,
            severity: *severity,
            severity_text,
            event_name,
            body_type: BodyType::String,
            dropped_attributes: 0,
            origin,
        });
    }
    LogsIngested { columns: vec![columns] }
}

fn spans(service: &str, spans: &[(&str, u64, i32)]) -> SpansIngested {
    let mut columns = SpanColumns::new(TenantId::unnamed());
    let origin = origin(&mut columns.origins, service);
    for (name, milliseconds, status) in spans {
        let name = columns.names.learn(name);
        columns.push(&SpanRow {
            trace_id: TraceId::parse(&[1; 16]).unwrap(),
            span_id: SpanId::parse(&[1; 8]).unwrap(),
            parent: None,
            start: second(START - 2),
            duration: milliseconds * 1_000_000,
            name,
            kind: 2,
            status: *status,
            flags: 0,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            origin,
        });
    }
    SpansIngested { columns: vec![columns] }
}

fn told(mut evaluator: AlertEvaluator, transitions: Vec<Transition>) -> Vec<String> {
    let later = (1..=3).flat_map(|at| evaluator.tick(second(START + at))).collect::<Vec<_>>();
    let all = transitions.into_iter().chain(later);
    all.map(|transition| {
        let labels: Vec<String> = transition.labels().iter().map(|(_, value)| value.to_owned()).collect();
        format!("{} {}", labels.join(","), transition.reason())
    })
    .collect()
}

#[test]
fn log_records_count_by_severity_text_and_service() {
    let filter = r#"severity in ("error", "fatal") and body =~ ".*timeout.*""#;
    let mut rules = evaluator(Source::Logs, "count > 1", filter, &["service.name"]);
    let mut found = rules.observe_logs(&logs("bank", &[(17, "timeout"), (9, "timeout")]), second(START));
    found.extend(
        rules.observe_logs(
            &logs("shop", &[(17, "a timeout"), (17, "fine"), (21, "timeout b")]),
            second(START),
        ),
    );
    assert_eq!(told(rules, found), ["shop count 2 > 1"]);
}

#[test]
fn spans_have_rates_durations_and_errors() {
    let sent = spans("shop", &[("GET /", 100, 0), ("GET /", 2_000, 2), ("GET /", 100, 1), ("other", 1, 2)]);
    for (condition, reason) in [
        ("count > 2", "GET / count 3 > 2"),
        ("rate > 0.2", "GET / rate 0.3 > 0.2"),
        ("max > 1", "GET / max 2 > 1"),
        ("p99 > 1.9", "GET / p99 1.999 > 1.9"),
        ("error_ratio > 0.3", "GET / error_ratio 0.3333 > 0.3"),
    ] {
        let filter = r#"kind = "server" and name =~ "GET.*" and service.name = "shop""#;
        let mut rules = evaluator(Source::Spans, condition, filter, &["name"]);
        let found = rules.observe_spans(&sent, second(START));
        assert_eq!(told(rules, found), [reason], "{condition}");
    }
}

#[test]
fn a_record_that_comes_too_late_is_counted_and_not_evaluated() {
    let mut rules = evaluator(Source::Logs, "count > 0", "", &[]);
    let found = rules.observe_logs(&logs("shop", &[(9, "x")]), second(START + 41));
    assert!(found.is_empty());
    assert_eq!(rules.take_counts().refused.get(&PointRefusal::Late), Some(&1));
}

/// Log records of a service at these seconds.
fn past(times: &[i64]) -> Vec<PastRecord> {
    let labels: RecordLabels = [("severity".into(), "error".into())].into();
    let record = |at: &i64| PastRecord { time: second(START + at), labels: labels.clone(), duration: None };
    times.iter().map(record).collect()
}

fn reasons(transitions: Vec<Transition>) -> Vec<String> {
    transitions.into_iter().map(|transition| transition.reason()).collect()
}

#[test]
fn records_that_were_read_after_a_restart_and_come_then_count_once() {
    let mut rules = evaluator(Source::Logs, "count > 3", r#"severity = "error""#, &[]);
    let (rule, tenant) = (rules.watchlist.rules_of(&Source::Logs)[0].clone(), TenantId::unnamed());
    rules.refill_stored(&rule, &tenant, &past(&[-4, 0, 0]), second(START));
    let sent = logs("shop", &[(17, "one"), (17, "two"), (17, "three")]);
    let found = rules.observe_logs(&sent, second(START));
    assert_eq!(reasons(found), ["count 4 > 3"], "two of them are known");
    assert_eq!(rules.take_counts().refused.get(&PointRefusal::Known), Some(&2));
}

#[test]
fn records_wait_while_the_past_of_a_new_rule_is_read() {
    let mut rules = evaluator(Source::Logs, "count > 3", r#"severity = "error""#, &[]);
    let (rule, tenant) = (rules.watchlist.rules_of(&Source::Logs)[0].clone(), TenantId::unnamed());
    rules.hold(vec![rule.clone()]);
    let now = second(START);
    assert!(rules.observe_logs(&logs("shop", &[(17, "one")]), now).is_empty());
    assert_eq!(rules.begin_fill().len(), 1);
    assert!(rules.observe_logs(&logs("shop", &[(17, "two")]), now).is_empty());
    rules.fill_records(&rule, &tenant, &past(&[-5, -3, 0]), now);
    assert!(rules.tick(second(START + 1)).is_empty());
    // One of the two is in the store already.
    assert_eq!(reasons(rules.end_fill(second(START + 1))), ["count 4 > 3"]);
    rules.fill_records(&rule, &tenant, &past(&[-5]), now);
    assert_eq!(rules.take_counts().refused.get(&PointRefusal::Known), Some(&1));
}

#[test]
fn records_of_the_past_say_of_themselves_what_those_that_come_say() {
    let [record] = &past(&[0])[..] else { panic!("one record") };
    let of_log = ["severity", "body", "event.name", "service.name"].map(|label| record.label(label));
    assert_eq!(of_log, [Some("error"), Some(""), Some(""), None]);
    let span =
        PastRecord { labels: Arc::default(), duration: Some(Duration::from_secs(1)), ..record.clone() };
    let of_span = ["name", "kind", "status", "severity"].map(|label| span.label(label));
    assert_eq!(of_span, [Some(""), Some("unspecified"), Some("unset"), None]);
}
