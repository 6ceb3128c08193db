//! Scenario: a gauge of three hosts and a delta sum with a gap are stored; what is shown of them is asked for in every form.
//! Guarantees: order, pages, filling, automatic intervals, rows, CSV and Prometheus' form say the same values; a client that has an answer
//! is told so with 304, and not after new points; formulas compute over series that belong together, and what is wrong with
//! one is said with its place.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use serde_json::{Value, json};
use support::http::{Answer, Connection, request};
use support::otlp::{
    CUMULATIVE, DELTA, MINUTE, SECOND, assert_taken, body, double, gauge, int, labelled, now, sum,
};
use support::server::folder;
use support::{Server, encoded};

/// The start of an hour some hours ago.
fn base() -> u64 {
    let hour = 60 * MINUTE;
    now() / hour * hour - 3 * hour
}

fn scene(server: &Server, base: u64) {
    let host = |name, minute: u64, value| labelled(double(base + minute * MINUTE, value), &[("host", name)]);
    let loads = vec![host("a", 0, 1.0), host("a", 1, 4.0), host("b", 0, 3.0), host("b,\"1\"", 1, 2.5)];
    let orders = vec![int(base, 10), int(base + 2 * MINUTE, 30)];
    assert_taken(
        &server.post_metrics(&body(vec![gauge("load", loads), sum("orders", DELTA, true, orders)]), &[]),
    );
}

fn path(base: u64, rest: &str) -> String {
    format!("/api/v2/metrics?start={base}&end={}&interval=1m{rest}", base + 3 * MINUTE)
}

fn hosts(answer: &Value) -> Vec<&str> {
    let series = answer["series"].as_array().expect("series");
    series.iter().map(|series| series["labels"]["host"].as_str().expect("a host")).collect()
}

#[test]
fn series_come_in_the_order_and_on_the_page_that_was_asked_for() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let ask = |rest: &str| server.get(&path(base, &format!("&metricName=load&groupBy=host{rest}"))).json();
    assert_eq!(hosts(&ask("")), ["a", "b", "b,\"1\""]);
    assert_eq!(hosts(&ask("&orderBy=min")), ["a", "b,\"1\"", "b"]);
    assert_eq!(hosts(&ask("&orderBy=-name")), ["b,\"1\"", "b", "a"]);
    let first = ask("&limit=2");
    assert_eq!(
        (hosts(&first), &first["seriesTotal"], &first["next"]),
        (vec!["a", "b"], &json!(3), &json!("2"))
    );
    let second = ask("&limit=2&cursor=2");
    assert_eq!((hosts(&second), &second["next"]), (vec!["b,\"1\""], &Value::Null));
}

#[test]
fn gaps_are_filled_and_steps_left_out_as_asked() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let ask = |rest: &str| server.get(&path(base, &format!("&metricName=orders{rest}"))).json();
    let values = |rest: &str| ask(rest)["series"][0]["values"].clone();
    assert_eq!(values("&aggregation=sum"), json!([10.0, null, 30.0]));
    assert_eq!(values("&aggregation=sum&fill=zero"), json!([10.0, 0.0, 30.0]));
    assert_eq!(values("&fill=previous"), json!([10.0, 10.0, 30.0]));
    let left_out = ask("&aggregation=sum&fill=none");
    let times = json!([base / 1_000_000, (base + 2 * MINUTE) / 1_000_000]);
    assert_eq!((&left_out["times"], &left_out["series"][0]["values"]), (&times, &json!([10.0, 30.0])));
}

#[test]
fn an_automatic_interval_follows_the_range_and_how_often_is_sent() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let points = (0..30).map(|at| int(now() - (30 - at) * 60 * SECOND, 1)).collect();
    assert_taken(&server.post_metrics(&body(vec![gauge("beat", points)]), &[]));
    let ask = |rest: &str| server.get(&format!("/api/v2/metrics?metricName=beat&interval=auto{rest}")).json();
    let found = |answer: &Value| (answer["interval"].clone(), answer["intervalFrom"].clone());
    assert_eq!(found(&ask("&start=now-15m")), (json!("1m"), json!("sampleInterval")));
    assert_eq!(found(&ask("&start=now-6h&maxDataPoints=10")), (json!("1h"), json!("maxDataPoints")));
}

#[test]
fn every_form_says_the_same_values() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let ask =
        |format: &str| server.get(&path(base, &format!("&metricName=load&groupBy=host&format={format}")));
    let rows = ask("rows").json();
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(4));
    assert_eq!(rows["rows"][0], json!({"time": base / 1_000_000, "labels": {"host": "a"}, "value": 1.0}));

    let csv = ask("csv");
    assert!(csv.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
    let lines: Vec<String> = csv.text().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "time,host,value");
    assert!(lines[1].ends_with("Z,a,1"), "{}", lines[1]);
    assert!(lines[4].ends_with(",\"b,\"\"1\"\"\",2.5"), "{}", lines[4]);

    let prometheus = ask("prometheus").json();
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let seconds = (base / SECOND) as f64;
    assert_eq!(prometheus["status"], "success");
    assert_eq!(
        prometheus["data"]["result"][0],
        json!({"metric": {"__name__": "load", "host": "a"}, "values": [[seconds, "1"], [seconds + 60.0, "4"]]})
    );
}

#[test]
fn a_client_that_has_the_answer_is_told_so_until_there_is_another_one() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let path = path(base, "&metricName=load");
    let ask = |tag: &str| -> Answer {
        let headers = [("connection", "close"), ("if-none-match", tag)];
        Connection::open(server.api).ask(&request("GET", &path, &headers, b""))
    };
    let tag = ask("\"other\"").header("etag").expect("a tag").to_owned();
    let again = ask(&tag);
    assert_eq!((again.status, again.text().len(), again.header("etag")), (304, 0, Some(tag.as_str())));
    assert_taken(&server.post_metrics(&body(vec![gauge("load", vec![double(base + SECOND, 9.0)])]), &[]));
    let changed = ask(&tag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

fn post(server: &Server, question: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("connection", "close")];
    let bytes = question.to_string().into_bytes();
    Connection::open(server.api).ask(&request("POST", "/api/v2/metrics/query", &headers, &bytes))
}

#[test]
fn formulas_compute_over_series_that_belong_together() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let question = json!({
        "startTime": base, "endTime": base + 3 * MINUTE, "interval": "1m",
        "queries": [
            {"name": "load", "metricName": "load", "groupBy": ["host"]},
            {"name": "orders", "metricName": "orders", "aggregation": "sum"},
        ],
        "formulas": [{"name": "each", "formula": "100 * load / orders"}],
    });
    let answer = post(&server, &question);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let names: Vec<&str> =
        answer["results"].as_array().expect("results").iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(names, ["load", "orders", "each"]);
    let each = &answer["results"][2]["series"];
    assert_eq!(each[0], json!({"labels": {"host": "a"}, "values": [10.0, null, null]}));
    assert_eq!(each[1], json!({"labels": {"host": "b"}, "values": [30.0, null, null]}));
    assert_eq!(answer["times"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_is_wrong_with_a_question_is_said_with_its_place() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let base = base();
    scene(&server, base);
    let with = |query: Value, formula: &str| json!({"queries": [query], "formulas": [{"name": "f", "formula": formula}]});
    let load = json!({"metricName": "load"});
    for (question, status, field, reason) in [
        (json!({"queries": []}), 400, json!("queries"), "at least one query"),
        (json!({"querys": []}), 400, Value::Null, "unknown field"),
        (json!([]), 400, Value::Null, "not a query"),
        (
            with(json!({"metricName": "load", "interval": "1m"}), "a"),
            400,
            json!("queries[0].interval"),
            "said once",
        ),
        (
            with(json!({"metricName": "load", "agregation": "avg"}), "a"),
            400,
            json!("queries[0].agregation"),
            "unknown parameter",
        ),
        (with(json!({"metricName": {"x": 1}}), "a"), 400, json!("queries[0].metricName"), "expected a text"),
        (with(json!({"metricName": "laod"}), "a"), 404, json!("queries[0].metricName"), "not known"),
        (with(load.clone(), "a +"), 400, json!("formulas[0].formula"), "at position 3"),
        (with(load, "b"), 400, json!("formulas[0].formula"), "no query has this name"),
        (with(json!({"metricName": "load", "name": "f"}), "f"), 400, json!("name"), "is there once"),
    ] {
        let answer = post(&server, &question);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["field"]), (status, &field), "{question}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.contains(reason)),
            "{question}: {problem}"
        );
    }
    let long = json!({"queries": [{"metricName": "x".repeat(70_000)}]});
    assert_eq!(post(&server, &long).status, 413);
    assert_eq!(
        server.get(&format!("/api/v2/metrics?metricName=load&filter={}", encoded("a = "))).status,
        400
    );
}

/// *Scenario*: counters send up to now; the last hour is looked at for the first time, and again with what came since.
/// *Guarantees*: each point is read from the store once, which is then asked no more; the answers are those past the cache.
#[test]
fn who_looks_for_the_first_time_has_each_point_read_once() {
    const POINTS: u64 = 120;
    let folder = folder();
    let server = Server::start(&folder, "");
    let (first, last) = (now() - 61 * MINUTE, now() - MINUTE);
    let counter = |host: &str| {
        let times = (0..POINTS).map(|at| first + at * (last - first) / POINTS);
        times.zip(0..).map(|(time, value)| labelled(int(time, value), &[("host", host)])).collect::<Vec<_>>()
    };
    let metric = |points| body(vec![sum("orders", CUMULATIVE, true, points)]);
    assert_taken(&server.post_metrics(&metric([counter("a"), counter("b")].concat()), &[]));
    let path = format!(
        "/api/v2/metrics?metricName=orders&start={}&end={}&interval=1m&aggregation=rate&groupBy=host",
        first + MINUTE,
        now() + MINUTE
    );
    let ask = |cache: &str| server.get(&format!("{path}&cache={cache}")).json();
    let (looked, uncached) = (ask("auto"), ask("bypass"));
    assert_eq!((&looked["cache"], &looked["rowsRead"]), (&json!("miss"), &json!(2 * POINTS)));
    assert_eq!((&looked["series"], &uncached["rowsRead"]), (&uncached["series"], &json!(2 * POINTS)));
    let next = labelled(int(now(), 1_000), &[("host", "a")]);
    assert_taken(&server.post_metrics(&metric(vec![next]), &[]));
    let again = ask("auto");
    assert_eq!((&again["cache"], &again["rowsRead"]), (&json!("hit"), &json!(0)));
    assert_ne!(again["series"], looked["series"]);
    assert_eq!(again["series"], ask("bypass")["series"]);
}
