//! Scenario: two tenants send log records that differ in everything one can search by, many at the same nanosecond, with
//! texts that would do harm if they became SQL; each searches its own.
//! Guarantees: a search finds what plain Rust finds in what was sent, in order of time, page by page without loss or repetition;
//! no tenant sees another's records; what is wrong with a question is said with the field's name.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Value, json};
use support::otlp::{MINUTE, SECOND, moment, text};
use support::server::folder;
use support::signals::Tenant;
use support::{Server, encoded};

const LOGS: &str = "/v1/logs";
const HOSTILE: [&str; 9] =
    ["'", "\\", "\\'", "a\u{0}b", "100%", "' OR 1=1 --", "{text:String}", "{{filter}}", "\n\t\"ü"];
/// Pieces of bodies: of words without digits and with, across both, and what no body has.
const PIECES: [&str; 12] = [
    "ecor",
    "record",
    "record 1",
    "cord 12 o",
    " of ",
    "12",
    "2",
    "f 100%",
    "OR 1=1",
    "rd of",
    "record of",
    "of 1",
];
const SERVICES: [&str; 3] = ["shop", "bank", "it's"];

/// What a record is searched by.
#[derive(Debug, Clone)]
struct Sent {
    number: usize,
    time: u64,
    service: &'static str,
    region: &'static str,
    severity: i32,
    body: String,
    user: &'static str,
    trace: u8,
}

fn sent(number: usize) -> Sent {
    let hostile = HOSTILE[number % HOSTILE.len()];
    Sent {
        number,
        // Few moments with many records each, over seconds and over half an hour.
        time: moment() - (number % 7) as u64 * SECOND - (number % 3) as u64 * 10 * MINUTE,
        service: SERVICES[number % SERVICES.len()],
        region: ["eu", "us'\\"][number / 2 % 2],
        severity: [0, 5, 9, 13, 17, 21][number % 6],
        body: format!("record {number} of {hostile}"),
        user: HOSTILE[number / 3 % HOSTILE.len()],
        trace: u8::try_from(number % 5).expect("a byte"),
    }
}

fn record(sent: &Sent) -> LogRecord {
    let tied = sent.trace != 0;
    LogRecord {
        time_unix_nano: sent.time,
        severity_number: sent.severity,
        body: Some(AnyValue { value: Some(Any::StringValue(sent.body.clone())) }),
        attributes: vec![text("user", sent.user), text("number", &sent.number.to_string())],
        trace_id: if tied { vec![sent.trace; 16] } else { Vec::new() },
        span_id: if tied { vec![sent.trace; 8] } else { Vec::new() },
        ..LogRecord::default()
    }
}

fn request(records: &[Sent]) -> ExportLogsServiceRequest {
    let resource_logs = records.iter().map(|sent| ResourceLogs {
        resource: Some(Resource {
            attributes: vec![text("service.name", sent.service), text("region", sent.region)],
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs { log_records: vec![record(sent)], ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    });
    ExportLogsServiceRequest { resource_logs: resource_logs.collect() }
}

fn number(row: &Value) -> usize {
    row["attributes"]["number"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}

fn in_order(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers
}

type Passes = Box<dyn Fn(&Sent) -> bool>;

/// Questions, and what plain Rust says to them.
fn questions() -> Vec<(String, Passes)> {
    let mut questions: Vec<(String, Passes)> = vec![
        (String::new(), Box::new(|_| true)),
        ("service=shop".into(), Box::new(|sent| sent.service == "shop")),
        ("service=shop&service=it%27s".into(), Box::new(|sent| sent.service != "bank")),
        ("service=nobody".into(), Box::new(|_| false)),
        ("severity=warn".into(), Box::new(|sent| sent.severity >= 13)),
        ("severity=17".into(), Box::new(|sent| sent.severity >= 17)),
        ("traceId=03030303030303030303030303030303".into(), Box::new(|sent| sent.trace == 3)),
        ("spanId=0404040404040404".into(), Box::new(|sent| sent.trace == 4)),
        ("resource[region]=us%27%5C".into(), Box::new(|sent| sent.region == "us'\\")),
        ("attr[nothing]=x".into(), Box::new(|_| false)),
        ("text=RECORD".into(), Box::new(|_| false)),
        (
            "service=bank&severity=info&resource[region]=eu".into(),
            Box::new(|sent| sent.service == "bank" && sent.severity >= 9 && sent.region == "eu"),
        ),
        (
            format!("start={}&end={}", moment() - 2 * SECOND, moment()),
            Box::new(|sent| sent.time >= moment() - 2 * SECOND && sent.time < moment()),
        ),
    ];
    for text in HOSTILE.into_iter().chain(PIECES) {
        questions.push((format!("text={}", encoded(text)), Box::new(move |sent| sent.body.contains(text))));
    }
    for hostile in HOSTILE {
        let escaped = encoded(hostile);
        questions.push((format!("attr[user]={escaped}"), Box::new(move |sent| sent.user == hostile)));
        questions.push((format!("attr[{escaped}]=x"), Box::new(|_| false)));
        questions.push((format!("resource[{escaped}]={escaped}"), Box::new(|_| false)));
        questions.push((format!("service={escaped}"), Box::new(|_| false)));
    }
    questions
}

#[test]
fn a_search_finds_what_was_sent_page_by_page_and_nothing_of_another_tenant() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let records: Vec<Sent> = (0..150).map(sent).collect();
    one.send(&server, LOGS, &request(&records));
    other.send(&server, LOGS, &request(&[sent(1_000)]));

    for (question, passes) in questions() {
        let path = format!("/api/v2/logs?{question}&limit=1000");
        let found: Vec<usize> =
            one.json(&server, &path)["logs"].as_array().expect("logs").iter().map(number).collect();
        let expected: Vec<usize> =
            records.iter().filter(|sent| passes(sent)).map(|sent| sent.number).collect();
        assert_eq!(in_order(found), expected, "{question}");
    }
    for (question, passes) in questions().into_iter().filter(|(question, _)| !question.contains("start=")) {
        assert_histogram(
            &one.json(&server, &format!("/api/v2/logs/histogram?interval=1m&{question}")),
            |sent| passes(sent),
            &records,
        );
    }
    let around = format!(
        "/api/v2/logs/context?time={}&service=shop&resource[region]=eu&before=5&after=500",
        moment() - 2 * SECOND
    );
    let around = one.json(&server, &around);
    let same = || records.iter().filter(|sent| sent.service == "shop" && sent.region == "eu");
    let expected: Vec<usize> =
        same().filter(|sent| sent.time >= moment() - 2 * SECOND).map(|sent| sent.number).collect();
    let after = around["after"].as_array().expect("logs");
    assert_eq!(in_order(after.iter().map(number).collect()), expected);
    let both = around["before"].as_array().expect("logs").iter().chain(after);
    let times: Vec<&str> = both.filter_map(|row| row["time"].as_str()).collect();
    assert!(times.is_sorted() && times.len() == 5 + expected.len(), "{times:?}");
    let nothing = one.json(&server, "/api/v2/logs?text=RECORD");
    assert!(nothing["rowsRead"].as_u64().is_some_and(|rows| rows >= 150), "all were looked at: {nothing}");
    let others: Vec<usize> = other.pages(&server, "/api/v2/logs?", "logs").iter().map(number).collect();
    assert_eq!(others, [1_000]);

    let all: Vec<usize> = (0..150).collect();
    for order in ["asc", "desc"] {
        for limit in [11, 149, 150] {
            let rows = one.pages(&server, &format!("/api/v2/logs?order={order}&limit={limit}"), "logs");
            let times: Vec<&str> = rows.iter().filter_map(|row| row["time"].as_str()).collect();
            let forward = order == "asc";
            assert!(times.windows(2).all(|pair| pair[0] == pair[1] || (pair[0] < pair[1]) == forward));
            assert_eq!(in_order(rows.iter().map(number).collect()), all, "{order} {limit}");
        }
    }
    rows_that_come_meanwhile_change_no_page(&one, &server);
}

/// A count for each minute and class, and nothing else.
fn assert_histogram(answer: &Value, passes: impl Fn(&Sent) -> bool, records: &[Sent]) {
    let classes = ["unspecified", "trace", "debug", "info", "warn", "error", "fatal"];
    let mut expected = BTreeMap::new();
    for sent in records.iter().filter(|sent| passes(sent)) {
        let class = classes[usize::try_from((sent.severity + 3) / 4).expect("a class")];
        *expected.entry((sent.time / MINUTE * 60_000, class)).or_insert(0_u64) += 1;
    }
    let mut found = BTreeMap::new();
    for class in classes {
        for (at, count) in answer["counts"][class].as_array().expect("counts").iter().enumerate() {
            let time = answer["times"][at].as_u64().expect("a time");
            found.insert((time, class), count.as_u64().expect("a count"));
        }
    }
    found.retain(|_, count| *count > 0);
    assert_eq!(found, expected);
    assert!(answer["times"].as_array().is_some_and(|times| (60..=61).contains(&times.len())), "{answer}");
}

fn rows_that_come_meanwhile_change_no_page(one: &Tenant, server: &Server) {
    // Alike in everything, and more than a page of them.
    let alike: Vec<Sent> = (0..5).map(|_| sent(33)).collect();
    one.send(server, LOGS, &request(&alike));
    let path = "/api/v2/logs?limit=4&service=shop";
    let first = one.json(server, path);
    let before = one.pages(server, path, "logs");
    let cursor = first["next"].as_str().expect("another page");
    let newer: Vec<Sent> =
        (0..9).map(|at| Sent { time: moment() + 1 + at as u64, ..sent(300 + 3 * at) }).collect();
    one.send(server, LOGS, &request(&newer));
    let after = one.pages_after(server, path, "logs", cursor);
    let numbers = |rows: &[Value]| rows.iter().map(number).collect::<Vec<_>>();
    assert_eq!(numbers(&after), numbers(&before[4..]));
}

/// *Guarantees*: every field of a record is in the answer.
#[test]
fn a_record_is_answered_with_all_that_is_stored_of_it() {
    let folder = folder();
    let one = Tenant::new("one");
    let server = Tenant::server(&folder, &[&one]);
    let record = LogRecord {
        time_unix_nano: moment() + 1,
        observed_time_unix_nano: moment(),
        severity_number: 9,
        severity_text: "größer".into(),
        body: Some(AnyValue { value: Some(Any::IntValue(-7)) }),
        attributes: vec![text("a", "b"), text("quote\"", "\u{0}")],
        dropped_attributes_count: 3,
        flags: 0x101,
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        event_name: "opened".into(),
    };
    let scope = InstrumentationScope {
        name: "scope".into(),
        version: "1.0".into(),
        attributes: vec![text("of", "scope")],
        dropped_attributes_count: 2,
    };
    let resource = Resource {
        attributes: vec![text("service.name", "shop")],
        dropped_attributes_count: 1,
        ..Resource::default()
    };
    let scope_logs =
        vec![ScopeLogs { scope: Some(scope), log_records: vec![record], schema_url: "scope/url".into() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource), scope_logs, schema_url: "resource/url".into() }];
    one.send(&server, LOGS, &ExportLogsServiceRequest { resource_logs });
    let mut found = one.json(&server, "/api/v2/logs");
    let row = &mut found["logs"][0];
    for (name, nanos) in [("time", 1), ("observedTime", 0)] {
        let text = row[name].take();
        assert!(text.as_str().is_some_and(|text| text.ends_with(&format!("00.00000000{nanos}Z"))), "{text}");
    }
    let expected = json!({
        "time": null, "observedTime": null, "severityNumber": 9, "severityText": "größer", "service": "shop",
        "body": "-7", "bodyType": "int", "eventName": "opened",
        "traceId": "ab".repeat(16), "spanId": "01".repeat(8), "flags": 257,
        "attributes": { "a": "b", "quote\"": "\u{0}" }, "droppedAttributes": 3,
        "resource": {
            "attributes": { "service.name": "shop" }, "droppedAttributes": 1, "schemaUrl": "resource/url",
        },
        "scope": {
            "name": "scope", "version": "1.0", "attributes": { "of": "scope" }, "droppedAttributes": 2,
            "schemaUrl": "scope/url",
        },
    });
    assert_eq!(*row, expected);
}

#[test]
fn whatever_is_wrong_with_a_question_is_said_with_the_field() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let long = "x".repeat(1_025);
    let many = "service=a&".repeat(33);
    for (question, field) in [
        ("servise=a", "servise"),
        ("metricName=a", "metricName"),
        ("severity=loud", "severity"),
        ("severity=25", "severity"),
        ("traceId=12", "traceId"),
        ("traceId=00000000000000000000000000000000", "traceId"),
        ("spanId=xyz", "spanId"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1&limit=2", "limit"),
        ("order=up", "order"),
        ("cursor=1", "cursor"),
        ("cursor=%27%00-1-1", "cursor"),
        ("start=soon", "startTime"),
        ("start=now&end=now-1h", "endTime"),
        ("attr[]=1", "attr[]"),
        ("resorce[a]=1", "resorce[a]"),
        (&format!("text={long}"), "text"),
        (&format!("attr[a]={long}"), "attr[a]"),
        (&many, "service"),
    ] {
        assert_refused(&server, "/api/v2/logs", question, field);
    }
    for (question, field) in [
        ("limit=5", "limit"),
        ("interval=0s", "interval"),
        ("interval=1ms", "interval"),
        ("order=asc", "order"),
    ] {
        assert_refused(&server, "/api/v2/logs/histogram", question, field);
    }
    for (question, field) in [
        ("service=a", "time"),
        ("time=soon", "time"),
        ("time=now&before=0", "before"),
        ("time=now&after=501", "after"),
        ("time=now&limit=1", "limit"),
    ] {
        assert_refused(&server, "/api/v2/logs/context", question, field);
    }
    assert_eq!(server.get("/api/v2/logs?servise=a").json()["near"], json!(["service"]));
    assert_eq!(server.get("/api/v2/log").json()["near"][0], "/api/v2/logs");
}

/// That the question is answered 400 for what is in this field.
#[track_caller]
fn assert_refused(server: &Server, path: &str, question: &str, field: &str) {
    let answer = server.get(&format!("{path}?{question}"));
    assert_eq!(
        (answer.status, &answer.json()["field"]),
        (400, &json!(field)),
        "{question}: {}",
        answer.text()
    );
}
