//! Scenario: two tenants send points of every kind with exemplars: integers beyond 2^53, doubles that JSON cannot say, with and
//! without a trace or a time of their own; each asks for its series and exemplars.
//! Guarantees: both are exactly what was sent, page by page, and nothing of another tenant; a point that ends a series is none.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Summary, SummaryDataPoint, exemplar, metric::Data,
};
use serde_json::{Value, json};
use support::Server;
use support::otlp::{DELTA, SECOND, from, gap, gauge, int, labelled, metric, moment, sum, text};
use support::server::folder;
use support::signals::Tenant;

const METRICS: &str = "/v1/metrics";
const HOSTILE: &str = "'\\\u{0}{{filter}} {metric:String} ü";

fn rows(answer: &Value, list: &str) -> Vec<Value> {
    answer[list].as_array().expect("a list").clone()
}

fn seen(number: u8, value: exemplar::Value, time: u64) -> Exemplar {
    Exemplar {
        filtered_attributes: vec![text("user", HOSTILE)],
        time_unix_nano: time,
        span_id: if number == 0 { Vec::new() } else { vec![number; 8] },
        trace_id: if number == 0 { Vec::new() } else { vec![number; 16] },
        value: Some(value),
    }
}

/// A metric of each kind, each with a point at `time` that has these exemplars; a summary has none.
fn of_every_kind(time: u64, exemplars: &[Exemplar]) -> Vec<Metric> {
    let number = |labels| NumberDataPoint { exemplars: exemplars.to_vec(), ..labelled(int(time, 1), labels) };
    let histogram = HistogramDataPoint {
        time_unix_nano: time,
        count: 1,
        bucket_counts: vec![1],
        exemplars: exemplars.to_vec(),
        ..HistogramDataPoint::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        time_unix_nano: time,
        count: 1,
        zero_count: 1,
        exemplars: exemplars.to_vec(),
        ..ExponentialHistogramDataPoint::default()
    };
    let summary =
        SummaryDataPoint { time_unix_nano: time, count: 1, sum: 1.0, ..SummaryDataPoint::default() };
    let aggregation_temporality = DELTA;
    vec![
        gauge("gauge", vec![number(&[("host", "a")]), labelled(int(time, 1), &[("host", "b")])]),
        sum("sum", DELTA, true, vec![number(&[])]),
        metric(
            "histogram",
            Data::Histogram(Histogram { data_points: vec![histogram], aggregation_temporality }),
        ),
        metric(
            "exponential_histogram",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential],
                aggregation_temporality,
            }),
        ),
        metric("summary", Data::Summary(Summary { data_points: vec![summary] })),
    ]
}

fn time_text(at: u64) -> String {
    let seconds = jiff::Timestamp::from_second((at / SECOND).cast_signed()).expect("a moment").to_string();
    format!("{}.{:09}Z", seconds.trim_end_matches('Z'), at % SECOND)
}

#[test]
fn series_and_exemplars_of_every_kind_are_told_exactly() {
    let folder = folder();
    let (one, other) = (Tenant::new("one"), Tenant::new("other"));
    let server = Tenant::server(&folder, &[&one, &other]);
    let integer = exemplar::Value::AsInt;
    let double = exemplar::Value::AsDouble;
    let exemplars = [
        seen(1, integer(9_007_199_254_740_993), moment() - 3),
        seen(2, integer(i64::MIN), moment() - 2),
        seen(0, double(0.1), moment() - 1),
        seen(3, double(f64::INFINITY), 0),
    ];
    one.send(&server, METRICS, &from("shop", "1.0", of_every_kind(moment(), &exemplars)));
    // The series' last points; one of them is a gap, and does not count.
    let later = moment() + 5;
    one.send(
        &server,
        METRICS,
        &from("shop", "1.0", vec![gauge("gauge", vec![labelled(int(later, 1), &[("host", "a")])])]),
    );
    one.send(
        &server,
        METRICS,
        &from("shop", "1.0", vec![gauge("gauge", vec![labelled(gap(later), &[("host", "b")])])]),
    );
    other.send(&server, METRICS, &from("else", "1.0", of_every_kind(moment(), &exemplars[..1])));

    for kind in ["gauge", "sum", "histogram", "exponential_histogram", "summary"] {
        let path = format!("/api/v2/metrics/series?metricName={kind}");
        let series = one.pages(&server, &format!("{path}&limit=1"), "series");
        assert_eq!(one.json(&server, &path)["series"], json!(series), "{kind}");
        let attributes: Vec<&Value> = series.iter().map(|row| &row["attributes"]).collect();
        if kind == "gauge" {
            let last = |host| {
                series.iter().find(|row| row["attributes"]["host"] == host).map(|row| &row["lastSeen"])
            };
            assert_eq!(last("a"), Some(&json!(time_text(later))));
            assert_eq!(last("b"), Some(&json!(time_text(moment()))));
            let only_b = one.json(&server, &format!("{path}&attr[host]=b"));
            assert_eq!(only_b["series"].as_array().map(Vec::len), Some(1));
            let after = format!("{path}&startTime={}&endTime={}", moment() + 1, moment() + 60 * SECOND);
            assert_eq!(rows(&one.json(&server, &after), "series").len(), 1, "the gap is no point");
        } else {
            assert_eq!(attributes, [&json!({})], "{kind}");
        }
        series_is_described(&series[0], kind);
        if kind == "summary" {
            assert_eq!(
                one.json(&server, "/api/v2/metrics/exemplars?metricName=summary")["exemplars"],
                json!([])
            );
        } else {
            exemplars_are_told(&one, &server, kind, &series);
            let others = format!("/api/v2/metrics/exemplars?metricName={kind}");
            assert_eq!(rows(&other.json(&server, &others), "exemplars").len(), 1, "{kind}");
        }
    }
}

fn series_is_described(series: &Value, kind: &str) {
    let monotonic = kind == "sum";
    let temporality = if ["gauge", "summary"].contains(&kind) { "none" } else { "delta" };
    let scope = json!({"name": "lib", "version": "1.0", "attributes": {"of": "scope"}});
    let resource = json!({"service.name": "shop", "zone": "eu"});
    for (field, expected) in [
        ("type", json!(kind)),
        ("temporality", json!(temporality)),
        ("monotonic", json!(monotonic)),
        ("unit", json!("")),
        ("service", json!("shop")),
        ("resourceAttributes", resource),
        ("scope", scope),
    ] {
        assert_eq!(series[field], expected, "{field} of {kind}");
    }
    let id = series["id"].as_str().expect("an id");
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}

fn exemplars_are_told(one: &Tenant, server: &Server, metric: &str, series: &[Value]) {
    let path = format!("/api/v2/metrics/exemplars?metricName={metric}");
    let found = rows(&one.json(server, &path), "exemplars");
    // The newest first; one that has no time has that of its point.
    let expected = [
        (time_text(moment()), json!("Infinity"), 3_u8),
        (time_text(moment() - 1), json!(0.1), 0),
        (time_text(moment() - 2), json!(i64::MIN), 2),
        (time_text(moment() - 3), json!(9_007_199_254_740_993_i64), 1),
    ];
    assert_eq!(found.len(), expected.len(), "{metric}");
    let of = series.iter().find(|row| row["attributes"]["host"] != "b").expect("its series");
    for (row, (time, value, number)) in found.iter().zip(expected) {
        let id =
            |length: usize| if number == 0 { String::new() } else { format!("{number:02x}").repeat(length) };
        let expected = json!({
            "time": time, "value": value, "traceId": id(16), "spanId": id(8), "attributes": {"user": HOSTILE},
            "series": {
                "id": of["id"], "service": "shop", "attributes": of["attributes"],
                "resourceAttributes": of["resourceAttributes"], "scope": of["scope"],
            },
        });
        assert_eq!(*row, expected, "{metric}");
    }
    for limit in 1..=4 {
        assert_eq!(
            one.pages(server, &format!("{path}&limit={limit}"), "exemplars"),
            found,
            "{metric} {limit}"
        );
    }
    for (question, count) in [
        ("attr[host]=b".to_owned(), 0),
        ("serviceName=shop".to_owned(), 4),
        (format!("startTime={}&endTime={}", moment(), moment() + 1), 4),
        (format!("startTime={}&endTime={}", moment() - 60 * SECOND, moment()), 0),
    ] {
        let answer = one.json(server, &format!("{path}&{question}"));
        assert_eq!(rows(&answer, "exemplars").len(), count, "{metric} {question}");
    }
}
