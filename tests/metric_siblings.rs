//! Scenario: two tenants send metrics of every kind, some under several descriptions, from two services, with labels
//! whose texts would do harm if they became SQL; each asks what it has.
//! Guarantees: descriptions, labels, values and cardinality are exactly what was sent, page by page; nothing of
//! another tenant is told; answers change as soon as something new is stored; what is wrong with a question is said with the field's name.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use serde_json::{Value, json};
use support::otlp::{CUMULATIVE, SECOND, from, gauge, int, labelled, moment, sum};
use support::server::folder;
use support::signals::Tenant;
use support::{Server, encoded};

const METRICS: &str = "/v1/metrics";
const HOSTILE: &str = "'\\\u{0}{{filter}} {metric:String} ü";

fn described(metric: Metric, unit: &str, description: &str) -> Metric {
    Metric { unit: unit.into(), description: description.into(), ..metric }
}

/// Six series of `load`.
fn load(time: u64) -> Vec<NumberDataPoint> {
    let place = |host, cpu| labelled(int(time, 1), &[("host", host), ("cpu", cpu)]);
    ["a", "b", "c"].into_iter().flat_map(|host| ["0", "1"].map(|cpu| place(host, cpu))).collect()
}

fn rows(answer: &Value, list: &str) -> Vec<Value> {
    answer[list].as_array().expect("a list").clone()
}

#[track_caller]
fn names(answer: &Value, list: &str, field: &str) -> Vec<String> {
    rows(answer, list).iter().map(|row| row[field].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn what_is_told_of_the_series_of_metrics_is_what_was_sent() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let newest = moment() + 60 * SECOND;
    let first = described(gauge("load", load(moment())), "1", "how busy");
    let alone =
        described(gauge("load", vec![labelled(int(moment(), 2), &[("host", HOSTILE)])]), "1", "busy?");
    let second = described(sum("load", CUMULATIVE, true, vec![int(newest, 3)]), "By", "bytes");
    one.send(&server, METRICS, &from("shop", "1.0", vec![first]));
    one.send(&server, METRICS, &from("bank", "2.0", vec![alone]));
    one.send(&server, METRICS, &from("shop", "1.0", vec![second]));
    let own = labelled(int(moment(), 1), &[("zone", "of the point")]);
    one.send(&server, METRICS, &from("bank", "2.0", vec![gauge("depth", vec![own])]));
    other.send(&server, METRICS, &from("secret", "9", vec![gauge("hidden", vec![int(moment(), 1)])]));

    descriptions(&one, &server);
    labels(&one, &server);
    label_values(&one, &server);
    cardinality(&one, &server);
    nothing_of_others(&other, &server);
    new_series_are_told_at_once(&one, &server);
    mistakes(&one, &server);
}

fn descriptions(one: &Tenant, server: &Server) {
    let answer = one.json(server, "/api/v2/metrics/metadata?metricName=load");
    let time = |at: u64| {
        let zoned = jiff::Timestamp::from_nanosecond(at.into()).expect("a moment");
        zoned.to_string()
    };
    let expected = json!([
        {
            "type": "sum", "temporality": "cumulative", "monotonic": true, "unit": "By", "description": "bytes",
            "scopes": [{"name": "lib", "version": "1.0"}], "services": ["shop"],
            "firstSeen": time(moment() + 60 * SECOND), "lastSeen": time(moment() + 60 * SECOND),
            "seriesCount": 1, "attributeCount": 0, "resourceAttributeCount": 2,
        },
        {
            "type": "gauge", "temporality": "none", "monotonic": false, "unit": "1",
            "description": answer["sentAs"][1]["description"],
            "scopes": [{"name": "lib", "version": "1.0"}, {"name": "lib", "version": "2.0"}],
            "services": ["bank", "shop"], "firstSeen": time(moment()), "lastSeen": time(moment()),
            "seriesCount": 7, "attributeCount": 2, "resourceAttributeCount": 2,
        },
    ]);
    assert_eq!(answer["sentAs"], expected);
    assert!(["how busy", "busy?"].map(Value::from).contains(&expected[1]["description"]));
    assert_eq!(answer["name"], "load");
    let unknown = one.ask(server, "/api/v2/metrics/metadata?metricName=laod");
    assert_eq!(
        (unknown.status, unknown.json()["near"].clone()),
        (404, json!(["load"])),
        "{}",
        unknown.text()
    );
}

fn labels(one: &Tenant, server: &Server) {
    let label = |name: &str, series: u64, as_attribute: u64, of_resource: u64| json!({"name": name, "seriesCount": series, "asAttribute": as_attribute, "ofResource": of_resource});
    let of_load = [
        label("cpu", 6, 6, 0),
        label("host", 7, 7, 0),
        label("service.name", 8, 0, 8),
        label("zone", 8, 0, 8),
    ];
    let answer = one.json(server, "/api/v2/metrics/labels?metricName=load");
    assert_eq!((answer["labels"].clone(), answer["next"].clone()), (json!(of_load), Value::Null));
    let of_all = [&of_load[..2], &[label("service.name", 9, 0, 9), label("zone", 9, 1, 9)]].concat();
    assert_eq!(one.json(server, "/api/v2/metrics/labels")["labels"], json!(of_all));
    for limit in 1..=4 {
        assert_eq!(one.pages(server, &format!("/api/v2/metrics/labels?limit={limit}"), "labels"), of_all);
    }
    for (question, expected) in [
        ("search=O", vec!["host", "zone"]),
        ("filter=host%20exists", vec!["cpu", "host", "service.name", "zone"]),
        ("serviceName=bank&metricName=load", vec!["host", "service.name", "zone"]),
        ("attr[cpu]=7", vec![]),
        ("endTime=2020-01-01T00:00:00Z", vec![]),
        ("metricName=load&search=nothing", vec![]),
    ] {
        let answer = one.json(server, &format!("/api/v2/metrics/labels?{question}"));
        assert_eq!(names(&answer, "labels", "name"), expected, "{question}");
    }
}

fn label_values(one: &Tenant, server: &Server) {
    let value = |value: &str, series: u64| json!({"value": value, "seriesCount": series});
    let hosts = [value(HOSTILE, 1), value("a", 2), value("b", 2), value("c", 2)];
    let zones = [value("eu", 8), value("of the point", 1)];
    for (question, expected) in [
        ("label=host", &hosts[..]),
        ("label=host&metricName=load", &hosts),
        ("label=host&metricName=depth", &[]),
        ("label=host&serviceName=shop", &hosts[1..]),
        ("label=host&filter=cpu%3D%220%22", &[value("a", 1), value("b", 1), value("c", 1)]),
        ("label=host&search=B", &hosts[2..3]),
        ("label=zone", &zones),
        ("label=nothing", &[]),
    ] {
        let answer = one.json(server, &format!("/api/v2/metrics/labels/values?{question}"));
        assert_eq!(rows(&answer, "values"), expected, "{question}");
    }
    for limit in 1..=4 {
        let path = format!("/api/v2/metrics/labels/values?label=host&limit={limit}");
        assert_eq!(one.pages(server, &path, "values"), hosts, "{limit}");
    }
    let hostile = encoded(HOSTILE);
    let path = format!("/api/v2/metrics/labels/values?label=host&search={hostile}&attr[host]={hostile}");
    assert_eq!(rows(&one.json(server, &path), "values"), hosts[..1]);
}

fn cardinality(one: &Tenant, server: &Server) {
    let answer = one.json(server, "/api/v2/metrics/cardinality");
    let metrics = json!([{"name": "load", "seriesCount": 8}, {"name": "depth", "seriesCount": 1}]);
    assert_eq!(answer["metrics"], metrics);
    assert_eq!((&answer["metricsTotal"], &answer["seriesTotal"]), (&json!(2), &json!(9)));
    let answer = one.json(server, "/api/v2/metrics/cardinality?limit=1&serviceName=bank");
    assert_eq!(answer["metrics"], json!([{"name": "depth", "seriesCount": 1}]));
    assert_eq!((&answer["metricsTotal"], &answer["seriesTotal"]), (&json!(2), &json!(2)));

    let answer = one.json(server, "/api/v2/metrics/cardinality?metricName=load");
    let top = |value: &str, series: u64| json!({"value": value, "seriesCount": series});
    let values = |name: &str, count: u64| json!({"name": name, "valueCount": count});
    let expected = json!([
        {"name": "host", "valueCount": 4, "seriesCount": 7,
         "topValues": [top("a", 2), top("b", 2), top("c", 2), top(HOSTILE, 1)]},
        {"name": "cpu", "valueCount": 2, "seriesCount": 6, "topValues": [top("0", 3), top("1", 3)]},
        {"name": "service.name", "valueCount": 2, "seriesCount": 8, "topValues": [top("shop", 7), top("bank", 1)]},
        {"name": "zone", "valueCount": 1, "seriesCount": 8, "topValues": [top("eu", 8)]},
    ]);
    assert_eq!(answer["labels"], expected);
    let expected = json!([
        {"name": "shop", "seriesCount": 7,
         "topLabels": [values("host", 3), values("cpu", 2), values("service.name", 1), values("zone", 1)]},
        {"name": "bank", "seriesCount": 1,
         "topLabels": [values("host", 1), values("service.name", 1), values("zone", 1)]},
    ]);
    assert_eq!(answer["services"], expected);
    assert_eq!((&answer["servicesTotal"], &answer["seriesTotal"]), (&json!(2), &json!(8)));
    let nobody = one.json(server, "/api/v2/metrics/cardinality?metricName=load&serviceName=nobody");
    assert_eq!(
        (&nobody["labels"], &nobody["services"], &nobody["seriesTotal"]),
        (&json!([]), &json!([]), &json!(0))
    );
}

fn nothing_of_others(other: &Tenant, server: &Server) {
    let catalogue = other.json(server, "/api/v2/metrics/cardinality");
    assert_eq!(catalogue["metrics"], json!([{"name": "hidden", "seriesCount": 1}]));
    assert_eq!(
        names(&other.json(server, "/api/v2/metrics/labels"), "labels", "name"),
        ["service.name", "zone"]
    );
    assert_eq!(other.json(server, "/api/v2/metrics/labels/values?label=host")["values"], json!([]));
    for path in ["metadata", "labels", "series", "cardinality", "exemplars", "labels/values"] {
        let answer = other.ask(server, &format!("/api/v2/metrics/{path}?metricName=load&label=host"));
        let label_is_known = path == "labels/values";
        assert_eq!(answer.status, if label_is_known { 404 } else { 400 }, "{path}: {}", answer.text());
        if !label_is_known {
            let answer = other.ask(server, &format!("/api/v2/metrics/{path}?metricName=load"));
            assert_eq!((answer.status, answer.json()["near"].clone()), (404, Value::Null), "{path}");
        }
    }
}

fn new_series_are_told_at_once(one: &Tenant, server: &Server) {
    let path = "/api/v2/metrics/labels/values?label=host&metricName=load";
    let (first, second) = (one.json(server, path), one.json(server, path));
    assert_eq!((&first["values"], &second["cache"]), (&second["values"], &json!("hit")));
    let new = labelled(int(moment(), 1), &[("host", "z")]);
    one.send(server, METRICS, &from("shop", "1.0", vec![described(gauge("load", vec![new]), "1", "")]));
    let third = one.json(server, path);
    assert_eq!(names(&third, "values", "value").last().map(String::as_str), Some("z"));
    assert_eq!(third["cache"], "miss");
    assert_eq!(one.json(server, &format!("{path}&cache=bypass"))["cache"], "bypass");
}

fn mistakes(one: &Tenant, server: &Server) {
    for (question, field) in [
        ("metadata", "metricName"),
        ("metadata?metricName=", "metricName"),
        ("metadata?metricName=load&start=now", "start"),
        ("labels?limit=0", "limit"),
        ("labels?cursor=x", "cursor"),
        ("labels?filter=x", "filter"),
        ("labels?metricName=", "metricName"),
        ("labels/values", "label"),
        ("labels/values?label=host&limit=1001", "limit"),
        ("labels/values?label=host&serch=a", "serch"),
        ("series", "metricName"),
        ("series?metricName=load&cursor=-1", "cursor"),
        ("series?metricName=load&start=now&end=now-1h", "endTime"),
        ("series?metricName=load&cache=auto", "cache"),
        ("cardinality?startTime=soon", "startTime"),
        ("cardinality?cursor=1", "cursor"),
        ("exemplars", "metricName"),
        ("exemplars?metricName=load&cursor=7", "cursor"),
    ] {
        let answer = one.ask(server, &format!("/api/v2/metrics/{question}"));
        assert_eq!((answer.status, answer.json()["field"].clone()), (400, json!(field)), "{question}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{question}");
    }
    assert_eq!(one.ask(server, "/api/v2/metrics/serie").json()["near"][0], "/api/v2/metrics/series");
}
