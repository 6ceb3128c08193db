//! Scenario: a caller puts into every parameter of a query what would do harm if any of it became SQL, or asks for far too much.
//! Guarantees: it is taken as data or refused as the caller's mistake, in words that name the field, never with a 5xx; the tables are as
//! they were, memory stays bounded, and the next good question is answered.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "bad_queries/refused.rs"]
mod refused;
mod support;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::hostile::HOSTILE;
use support::http::request;
use support::otlp::{MINUTE, assert_taken, body, gauge, int, labelled, moment, ten_minutes_ago};
use support::server::folder;
use support::{Answer, Connection, Server, encoded};

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";
/// More than a question that is refused, or finds nothing, may take.
const MEMORY_MAX: u64 = 512 << 20;

/// One metric, one log record, one trace.
fn send(server: &Server) {
    let point = labelled(int(ten_minutes_ago(), 42), &[("host", "a")]);
    assert_taken(&server.post_metrics(&body(vec![gauge("good", vec![point])]), &[]));
    let time = moment().to_string();
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let record = json!({"timeUnixNano": time, "body": {"stringValue": "good"}});
    let span = json!({
        "traceId": TRACE, "spanId": "0102030405060708", "name": "good", "startTimeUnixNano": time, "endTimeUnixNano": time,
    });
    let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
    let spans = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
    for (path, message) in [("/v1/logs", logs), ("/v1/traces", spans)] {
        let headers = [("content-type", "application/json")];
        let sent = request("POST", path, &headers, message.to_string().as_bytes());
        let answer = Connection::open(server.otlp).ask(&sent);
        assert_eq!((answer.status, &*answer.text()), (200, "{}"));
    }
}

fn ask_for_several(server: &Server, body: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("connection", "close")];
    Connection::open(server.api).ask(&request("POST", "/api/v2/metrics/query", &headers, body.as_bytes()))
}

/// What good questions are answered.
fn all_that_there_is(server: &Server) -> [Value; 3] {
    let list = |path: &str, name: &str| server.get(path).json()[name].clone();
    // The same range each time, whenever it is asked for.
    let range = format!("start={}&end={}", moment() - 30 * MINUTE, moment() + 30 * MINUTE);
    let all = [
        list(
            &format!("/api/v2/metrics?metricName=good&{range}&aggregation=last&groupBy=host&cache=bypass"),
            "series",
        ),
        list("/api/v2/logs", "logs"),
        list(&format!("/api/v2/traces/{TRACE}"), "spans"),
    ];
    assert!(all.iter().all(|list| list.as_array().is_some_and(|list| list.len() == 1)), "{all:?}");
    all
}

/// A refusal says what it is, and of which request.
#[track_caller]
fn assert_told(answer: &Answer, asked: &str) -> Value {
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{asked}");
    assert_eq!(problem["status"], answer.status, "{asked}");
    let reason = StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    assert!(reason.is_some() && problem["title"].is_string(), "{asked}: {problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{asked}: {problem}");
    assert_eq!(problem["correlationId"].as_str(), answer.header("x-request-id"), "{asked}");
    problem
}

/// Questions with a hostile text, plain and in double quotes, in each place.
fn about_metrics(hostile: &str, quoted: &str) -> Vec<String> {
    let of_good = [
        "serviceName={h}",
        "serviceName=a&serviceName={h}",
        "groupBy={h}",
        "groupBy=host,{h}",
        "filter={h}",
        "filter={q}%3D{q}",
        "filter=host%3D{q}",
        "filter=host!%3D{q}",
        "filter=host%3D~{q}",
        "filter=host!~{q}",
        "filter=host%20in%20({q},{q})",
        "filter={q}%20exists",
        "attr[{h}]=x",
        "attr[host]={h}",
        "interval={h}",
        "interval=auto&maxDataPoints={h}",
        "aggregation={h}",
        "quantile={h}",
        "fill={h}",
        "orderBy={h}",
        "orderBy=-{h}",
        "cursor={h}",
        "format={h}",
        "startTime={h}",
        "endTime={h}",
        "limit={h}",
        "cache={h}",
        "{h}=1",
    ];
    let of_good = of_good.map(|query| format!("metrics?metricName=good&{query}"));
    let others = [
        "metrics?metricName={h}",
        "metrics?metricName={h}&interval=auto",
        "metrics?search={h}",
        "metrics?serviceName={h}",
        "metrics?cursor={h}",
        "metrics?limit={h}",
        "metrics/metadata?metricName={h}",
        "metrics/labels?metricName={h}",
        "metrics/labels?search={h}",
        "metrics/labels?filter={q}%3D{q}",
        "metrics/labels?cursor={h}",
        "metrics/labels/values?label={h}",
        "metrics/labels/values?label=host&search={h}",
        "metrics/labels/values?label=host&attr[{h}]={h}",
        "metrics/labels/values?label=host&cursor=1-{h}",
        "metrics/series?metricName={h}",
        "metrics/series?metricName=good&filter=host%3D~{q}",
        "metrics/series?metricName=good&cursor={h}",
        "metrics/cardinality?metricName={h}",
        "metrics/cardinality?serviceName={h}",
        "metrics/cardinality?limit={h}",
        "metrics/exemplars?metricName={h}",
        "metrics/exemplars?metricName=good&attr[{h}]={h}",
        "metrics/exemplars?metricName=good&cursor={h}-{h}",
    ];
    let all = of_good.into_iter().chain(others.map(str::to_owned));
    all.map(|query| query.replace("{h}", hostile).replace("{q}", quoted)).collect()
}

fn about_logs_and_traces(hostile: &str) -> Vec<String> {
    let all = [
        "logs?service={h}",
        "logs?severity={h}",
        "logs?text={h}",
        "logs?traceId={h}",
        "logs?spanId={h}",
        "logs?limit={h}",
        "logs?order={h}",
        "logs?cursor={h}",
        "logs?cursor={h}-{h}-{h}",
        "logs?attr[{h}]={h}",
        "logs?resource[{h}]={h}",
        "logs?startTime={h}",
        "logs?{h}={h}",
        "logs/histogram?interval={h}",
        "logs/histogram?text={h}",
        "logs/histogram?attr[{h}]={h}",
        "logs/context?time={h}",
        "logs/context?time=now&before={h}",
        "logs/context?time=now&resource[{h}]={h}",
        "traces?service={h}",
        "traces?operation={h}",
        "traces?minDuration={h}",
        "traces?maxDuration={h}",
        "traces?status={h}",
        "traces?limit={h}",
        "traces?cursor={h}",
        "traces?cursor={h}-{h}",
        "traces?attr[{h}]={h}",
        "traces/{h}",
        "traces/{h}?format=otlp",
        "traces/0102030405060708090a0b0c0d0e0f10?format={h}",
        "services?service={h}",
        "services?limit={h}",
        "services/{h}/operations",
        "services/shop/operations?limit={h}",
        "service-map?limit={h}",
        "service-map?startTime={h}",
        "stream?events={h}",
        "stream?events=ingest,{h}",
        "stream?events=logs&severity={h}",
        "logs/tail?traceId={h}",
        "logs/tail?{h}={h}",
    ];
    all.map(|query| query.replace("{h}", hostile)).to_vec()
}

#[test]
fn hostile_texts_in_every_parameter_of_a_query_are_data_and_the_tables_stay() {
    let folder = folder();
    let server = Server::start(&folder, "");
    send(&server);
    let before = all_that_there_is(&server);
    for text in HOSTILE {
        let hostile = encoded(text);
        let quoted = encoded(&format!("\"{}\"", text.replace('"', "\\\"")));
        let questions = [about_metrics(&hostile, &quoted), about_logs_and_traces(&hostile)].concat();
        for query in questions {
            let answer = server.get(&format!("/api/v2/{query}"));
            assert!([200, 400, 404].contains(&answer.status), "{text:?} in {query}: {}", answer.text());
            if answer.status != 200 {
                assert_told(&answer, &query);
                continue;
            }
            let equals = ["filter=host%3D%22", "attr[", "resource[", "ervice=", "serviceName=", "operation="];
            // One of two names, or of the names that there are, may be there; a time in the year 1 is no text.
            if equals.iter().any(|part| query.contains(part)) && !query.contains("=a&") {
                let json = answer.json();
                let lists =
                    ["series", "metrics", "values", "exemplars", "logs", "after", "traces", "services"];
                let found =
                    lists.iter().filter_map(|name| json[name].as_array()).any(|list| !list.is_empty());
                assert!(!found, "{text:?} in {query}: {json}");
            }
        }
    }
    for text in HOSTILE {
        let query =
            json!({"metricName": text, "groupBy": text, "filter": text, "serviceName": [text], "name": text});
        let of_good = json!({"metricName": "good", "attr[host]": text, "name": text});
        let formula = json!({"name": text, "formula": text});
        for body in [
            json!({"queries": [query]}),
            json!({"queries": [of_good]}),
            json!({"queries": [of_good], "formulas": [formula], "startTime": text, "interval": text}),
            json!({"queries": [{"metricName": "good"}], "formulas": [formula]}),
        ] {
            let answer = ask_for_several(&server, &body.to_string());
            assert!([200, 400, 404].contains(&answer.status), "{body}: {}", answer.text());
            if answer.status != 200 {
                assert_told(&answer, text);
            }
        }
    }
    assert_eq!(all_that_there_is(&server), before);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn what_is_wrong_or_too_much_is_refused_with_the_name_of_the_field() {
    let folder = folder();
    let server = Server::start(&folder, "");
    send(&server);
    let before = (all_that_there_is(&server), server.memory());
    let mut unlike = Vec::new();
    for (query, field, detail) in refused::questions() {
        let answer = server.get(&format!("/api/v2/{query}"));
        let shown: String = query.chars().take(200).collect();
        if answer.status != 400 {
            unlike.push(format!("{} after {shown}: {}", answer.status, answer.text()));
            continue;
        }
        let problem = assert_told(&answer, &shown);
        let says = problem["detail"].as_str().is_some_and(|text| text.contains(detail));
        if problem["field"] != field || !says {
            unlike.push(format!("not {field:?} and {detail:?} after {shown}: {problem}"));
        }
    }
    for (body, field, detail) in refused::bodies() {
        let answer = ask_for_several(&server, &body);
        let shown: String = body.chars().take(200).collect();
        let says = answer.text().contains(detail);
        if answer.status != 400 || assert_told(&answer, &shown)["field"].as_str() != field || !says {
            unlike.push(format!("not {field:?} and {detail:?} after {shown}: {}", answer.text()));
        }
    }
    assert_eq!(unlike, Vec::<String>::new());
    let answer = ask_for_several(&server, &" ".repeat((64 << 10) + 1));
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_told(&answer, "a body of 64 KiB and a byte");
    let many = vec!["a exists"; 10_000].join(" and ");
    let answer = server.get(&format!("/api/v2/metrics?metricName=good&filter={}", encoded(&many)));
    assert_eq!(answer.status, 431, "{}", answer.text());
    for query in refused::harmless() {
        let answer = server.get(&format!("/api/v2/{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    }
    assert_eq!(all_that_there_is(&server), before.0);
    let grown = server.memory().saturating_sub(before.1);
    assert!(grown < MEMORY_MAX, "{grown} bytes more than before");
}
