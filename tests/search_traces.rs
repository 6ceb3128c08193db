//! Scenario: two tenants send traces over several services, with spans that came twice, parents that began after their
//! children, and texts that would do harm if they became SQL; each searches its own and looks at single ones.
//! Guarantees: a search finds what plain Rust finds in what was sent, page by page without loss or repetition; a trace comes
//! back whole and in order, also as OTLP/JSON; rates are those of what was sent; what is wrong with a question is said.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};
use serde_json::{Value, json};
use support::otlp::{MINUTE, SECOND, moment, text};
use support::server::folder;
use support::signals::Tenant;
use support::{Server, encoded};

const TRACES: &str = "/v1/traces";
const HOSTILE: [&str; 7] = ["'", "\\'", "a\u{0}b", "100%", "' OR 1=1 --", "{{filter}}", "a/b ü"];
const MILLISECOND: u64 = 1_000_000;

/// What a span is searched by. Each trace has three: of the shop, of the bank, and one within the bank.
#[derive(Debug, Clone)]
struct Sent {
    trace: u8,
    number: u8,
    service: &'static str,
    name: &'static str,
    start: u64,
    duration: u64,
    kind: i32,
    status: i32,
    user: &'static str,
}

fn sent(trace: u8) -> [Sent; 3] {
    let index = usize::from(trace);
    // Several traces at the same moment, over an hour's half.
    let start = moment() - (index % 5) as u64 * SECOND - (index % 3) as u64 * 10 * MINUTE;
    let hostile = HOSTILE[index % HOSTILE.len()];
    let span = |number: u8, service, name, kind, status| Sent {
        trace,
        number,
        service,
        name,
        start: start + u64::from(number) * MILLISECOND,
        duration: (u64::from(trace) + 1) * 10 * MILLISECOND / u64::from(number),
        kind,
        status,
        user: if number == 3 { hostile } else { "nobody" },
    };
    let failed = if trace.is_multiple_of(4) { 2 } else { 0 };
    [
        span(1, "shop", "GET /", 2, 0),
        span(2, "bank", "POST /pay", 2, failed),
        span(3, "bank", hostile, 1, i32::from(trace.is_multiple_of(2))),
    ]
}

fn id(trace: u8) -> String {
    format!("{:02x}", trace + 1).repeat(16)
}

fn span(sent: &Sent) -> Span {
    let own = |number: u8| if number == 0 { Vec::new() } else { vec![number; 8] };
    Span {
        trace_id: vec![sent.trace + 1; 16],
        span_id: own(sent.number),
        parent_span_id: own(sent.number - 1),
        name: sent.name.into(),
        kind: sent.kind,
        start_time_unix_nano: sent.start,
        end_time_unix_nano: sent.start + sent.duration,
        attributes: vec![text("user", sent.user)],
        status: Some(Status { code: sent.status, message: String::new() }),
        ..Span::default()
    }
}

fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", service)], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

fn send(tenant: &Tenant, server: &Server, spans: &[Sent]) {
    for service in ["shop", "bank"] {
        let own = spans.iter().filter(|sent| sent.service == service).map(span).collect();
        tenant.send(server, TRACES, &request(service, own));
    }
}

type Passes = Box<dyn Fn(&Sent) -> bool>;

/// Questions, and which spans pass by plain Rust.
fn questions() -> Vec<(String, Passes)> {
    let mut questions: Vec<(String, Passes)> = vec![
        (String::new(), Box::new(|_| true)),
        ("service=shop".into(), Box::new(|sent| sent.service == "shop")),
        ("service=nobody".into(), Box::new(|_| false)),
        ("operation=POST%20/pay".into(), Box::new(|sent| sent.name == "POST /pay")),
        ("operation=".into(), Box::new(|sent| sent.name.is_empty())),
        ("status=error".into(), Box::new(|sent| sent.status == 2)),
        ("status=ok".into(), Box::new(|sent| sent.status == 1)),
        ("minDuration=250ms".into(), Box::new(|sent| sent.duration >= 250 * MILLISECOND)),
        ("maxDuration=20ms".into(), Box::new(|sent| sent.duration <= 20 * MILLISECOND)),
        (
            "service=bank&minDuration=30ms&maxDuration=150ms&status=unset".into(),
            Box::new(|sent| {
                sent.service == "bank"
                    && (30..=150).contains(&(sent.duration / MILLISECOND))
                    && sent.status == 0
            }),
        ),
        (
            format!("start={}&end={}", moment() - 2 * SECOND, moment()),
            Box::new(|sent| sent.start >= moment() - 2 * SECOND && sent.start < moment()),
        ),
    ];
    for hostile in HOSTILE {
        let escaped = encoded(hostile);
        questions.push((format!("attr[user]={escaped}"), Box::new(move |sent| sent.user == hostile)));
        questions.push((format!("operation={escaped}"), Box::new(move |sent| sent.name == hostile)));
        questions.push((format!("attr[{escaped}]={escaped}"), Box::new(|_| false)));
        questions.push((format!("service={escaped}"), Box::new(|_| false)));
    }
    questions
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().filter_map(|row| row["traceId"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_search_finds_each_trace_once_page_by_page_and_nothing_of_another_tenant() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let spans: Vec<Sent> = (0..40).flat_map(sent).collect();
    // Twice: a client that did not see the first answer.
    send(&one, &server, &spans);
    send(&one, &server, &spans);
    send(&other, &server, &sent(200));

    for (question, passes) in questions() {
        let path = format!("/api/v2/traces?{question}&limit=7");
        let rows = one.pages(&server, &path, "traces");
        let expected: BTreeSet<String> =
            spans.iter().filter(|sent| passes(sent)).map(|sent| id(sent.trace)).collect();
        assert_eq!((rows.len(), ids(&rows)), (expected.len(), expected), "{question}");
    }
    let others = other.pages(&server, "/api/v2/traces?", "traces");
    assert_eq!(ids(&others), BTreeSet::from([id(200)]));
    assert_eq!(other.ask(&server, &format!("/api/v2/traces/{}", id(1))).status, 404);

    let row = one.json(&server, "/api/v2/traces?status=error&limit=1")["traces"][0].clone();
    let trace = (0..40).find(|trace| row["traceId"] == json!(id(*trace))).expect("one of ours");
    let [root, ..] = sent(trace);
    let start = root.start.to_string();
    assert!(row["start"].as_str().is_some_and(|start| start.ends_with(".001000000Z")), "{row}");
    let mut row = row;
    row["start"].take();
    let expected = json!({
        "traceId": id(trace), "rootService": "shop", "rootName": "GET /", "start": null, "startUnixNano": start,
        "durationNanos": root.duration, "spans": 3, "errors": 1, "services": ["bank", "shop"],
    });
    assert_eq!(row, expected);
    rates(&one, &server, &spans);
}

/// *Guarantees*: a service's requests are its spans of servers and consumers, if it has any; an operation's, too.
#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn rates(one: &Tenant, server: &Server, spans: &[Sent]) {
    let range = format!("start={}&end={}", moment() - 40 * MINUTE, moment() + 10 * MINUTE);
    let answer = one.json(server, &format!("/api/v2/services?{range}"));
    let services = answer["services"].as_array().expect("services");
    assert_eq!(services.len(), 2);
    for row in services {
        let own = || spans.iter().filter(|sent| row["name"] == sent.service);
        let names: BTreeSet<&str> = own().map(|sent| sent.name).collect();
        let requests = own().filter(|sent| sent.kind == 2);
        let errors = requests.clone().filter(|sent| sent.status == 2).count();
        let mut durations: Vec<u64> = requests.map(|sent| sent.duration).collect();
        durations.sort_unstable();
        for (name, expected) in [
            ("spans", json!(own().count())),
            ("operations", json!(names.len())),
            ("requests", json!(40)),
            ("errors", json!(errors)),
            ("errorShare", json!(errors as f64 / 40.0)),
            ("rate", json!(40.0 / 3_000.0)),
        ] {
            assert_eq!(row[name], expected, "{name} of {row}");
        }
        for (name, at) in [("p50", 20), ("p95", 38), ("p99", 39)] {
            let (found, exact) =
                (row["durationMs"][name].as_f64().expect("a number"), durations[at] as f64 / 1e6);
            assert!((found - exact).abs() <= 0.06 * exact, "{name} of {row}: {exact}");
        }
    }
    let path = format!("/api/v2/services/bank/operations?{range}");
    let answer = one.json(server, &path);
    let found: BTreeSet<&str> = answer["operations"]
        .as_array()
        .expect("operations")
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    let expected: BTreeSet<&str> =
        spans.iter().filter(|sent| sent.service == "bank").map(|sent| sent.name).collect();
    assert_eq!(found, expected);
    let first = &answer["operations"][0];
    assert_eq!(
        (&first["name"], &first["requests"], &first["errors"]),
        (&json!("POST /pay"), &json!(40), &json!(10))
    );
    assert_eq!(one.json(server, "/api/v2/services/%27%5C/operations")["operations"], json!([]));
    let map = one.json(server, &format!("/api/v2/service-map?{range}"));
    let mut calls = map["calls"].clone();
    assert!(calls[0]["durationMs"].take()["p50"].as_f64().is_some_and(|median| median > 0.0), "{map}");
    assert_eq!(
        calls,
        json!([{ "caller": "shop", "callee": "bank", "calls": 40, "errors": 10, "durationMs": null }])
    );
    let limited = one.json(server, &format!("{path}&limit=1"));
    assert_eq!((limited["operations"].as_array().map(Vec::len), &limited["more"]), (Some(1), &json!(true)));
}

/// A span with every field.
fn full(trace: u8) -> Span {
    Span {
        trace_state: "vendor=x".into(),
        flags: 0x101,
        dropped_attributes_count: 1,
        events: vec![Event {
            time_unix_nano: moment() + 5,
            name: "exception".into(),
            attributes: vec![text("a", "'\u{0}\\\"")],
            dropped_attributes_count: 2,
        }],
        dropped_events_count: 3,
        links: vec![Link {
            trace_id: vec![7; 16],
            span_id: vec![8; 8],
            trace_state: "l=1".into(),
            attributes: vec![text("of", "link")],
            dropped_attributes_count: 4,
            flags: 5,
        }],
        dropped_links_count: 6,
        status: Some(Status { code: 2, message: "because".into() }),
        ..span(&sent(trace)[1])
    }
}

#[test]
fn a_trace_comes_back_whole_and_in_order_as_json_and_as_otlp() {
    let folder = folder();
    let one = Tenant::new("one");
    let server = Tenant::server(&folder, &[&one]);
    let [root, _, last] = sent(9);
    let early = Span { start_time_unix_nano: moment() - MINUTE, ..span(&last) };
    let mut of_bank = request("bank", vec![early, full(9)]);
    of_bank.resource_spans[0].schema_url = "resource/url".into();
    let scope = InstrumentationScope {
        name: "scope".into(),
        version: "1.0".into(),
        attributes: vec![text("of", "scope")],
        dropped_attributes_count: 2,
    };
    of_bank.resource_spans[0].scope_spans[0].scope = Some(scope);
    of_bank.resource_spans[0].scope_spans[0].schema_url = "scope/url".into();
    one.send(&server, TRACES, &of_bank);
    one.send(&server, TRACES, &request("shop", vec![span(&root)]));

    let path = format!("/api/v2/traces/{}", id(9).to_uppercase());
    let found = one.json(&server, &path);
    let spans = found["spans"].as_array().expect("spans");
    let order: Vec<&str> = spans.iter().filter_map(|span| span["spanId"].as_str()).collect();
    let expected: Vec<String> = (1..=3).map(|number| format!("{number:02}").repeat(8)).collect();
    assert_eq!(order, expected);
    assert_eq!((&found["traceId"], &found["complete"]), (&json!(id(9)), &json!(true)));
    let mut middle = spans[1].clone();
    assert!(middle["start"].take().is_string() && middle["events"][0]["time"].take().is_string());
    let expected = json!({
        "traceId": id(9), "spanId": "02".repeat(8), "parentSpanId": "01".repeat(8), "traceState": "vendor=x",
        "flags": 257, "name": "POST /pay", "kind": "Server", "kindNumber": 2, "service": "bank", "start": null,
        "startUnixNano": full(9).start_time_unix_nano.to_string(), "durationNanos": 50_000_000,
        "status": "Error", "statusNumber": 2, "statusMessage": "because",
        "attributes": { "user": "nobody" }, "droppedAttributes": 1,
        "events": [{
            "time": null, "timeUnixNano": (moment() + 5).to_string(), "name": "exception",
            "attributes": { "a": "'\u{0}\\\"" }, "droppedAttributes": 2,
        }],
        "droppedEvents": 3,
        "links": [{
            "traceId": "07".repeat(16), "spanId": "08".repeat(8), "traceState": "l=1",
            "attributes": { "of": "link" }, "flags": 5, "droppedAttributes": 4,
        }],
        "droppedLinks": 6,
        "resource": {
            "attributes": { "service.name": "bank" }, "droppedAttributes": 0, "schemaUrl": "resource/url",
        },
        "scope": {
            "name": "scope", "version": "1.0", "attributes": { "of": "scope" }, "droppedAttributes": 2,
            "schemaUrl": "scope/url",
        },
    });
    assert_eq!(middle, expected);
    as_otlp(&one, &server, &path);
}

/// *Guarantees*: what comes out is what an exporter may send: it is taken, and is then the same trace.
fn as_otlp(one: &Tenant, server: &Server, path: &str) {
    let otlp = one.json(server, &format!("{path}?format=otlp"));
    let groups = otlp["resourceSpans"].as_array().expect("resources");
    assert_eq!(groups.len(), 2);
    let bank = &groups[1]["scopeSpans"][0];
    assert_eq!(bank["scope"]["attributes"], json!([{ "key": "of", "value": { "stringValue": "scope" } }]));
    let sent: Span = full(9);
    let found = &bank["spans"][0];
    assert_eq!(found["endTimeUnixNano"], json!(sent.end_time_unix_nano.to_string()));
    assert_eq!((&found["kind"], &found["status"]), (&json!(2), &json!({ "code": 2, "message": "because" })));
    let before = one.json(server, path);
    one.send_json(server, TRACES, &otlp);
    let after = one.json(server, path);
    assert_eq!(after["spans"], before["spans"]);
}

#[test]
fn whatever_is_wrong_with_a_question_is_said_with_the_field() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let long = "x".repeat(1_025);
    for (question, field) in [
        ("traces?servise=a", "servise"),
        ("traces?severity=warn", "severity"),
        ("traces?resource[a]=b", "resource[a]"),
        ("traces?minDuration=fast", "minDuration"),
        ("traces?maxDuration=-1s", "maxDuration"),
        ("traces?minDuration=2s&maxDuration=1s", "maxDuration"),
        ("traces?status=bad", "status"),
        ("traces?limit=0", "limit"),
        ("traces?limit=1001", "limit"),
        ("traces?cursor=1-2", "cursor"),
        ("traces?cursor=%27", "cursor"),
        ("traces?start=now&end=now-1h", "endTime"),
        (&format!("traces?operation={long}"), "operation"),
        ("traces/12", "traceId"),
        ("traces/%27%00", "traceId"),
        ("traces/00000000000000000000000000000000", "traceId"),
        ("traces/0123456789abcdef0123456789abcdeg", "traceId"),
        ("traces/0123456789abcdef0123456789abcdef?format=xml", "format"),
        ("traces/0123456789abcdef0123456789abcdef?start=now", "start"),
        ("services?operation=x", "operation"),
        ("services?limit=1001", "limit"),
        ("services/a/operations?service=b", "service"),
        ("service-map?service=b", "service"),
        ("service-map?limit=x", "limit"),
        (&format!("services/{long}/operations"), "service"),
    ] {
        let answer = server.get(&format!("/api/v2/{question}"));
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (400, &json!(field)),
            "{question}: {}",
            answer.text()
        );
    }
    let unknown = server.get("/api/v2/traces/0123456789abcdef0123456789abcdef");
    assert_eq!((unknown.status, &unknown.json()["field"]), (404, &json!("traceId")));
    assert_eq!(server.get("/api/v2/traces?").json()["traces"], json!([]));
}
