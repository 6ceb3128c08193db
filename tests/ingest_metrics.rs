//! Scenario: OpenTelemetry clients send metrics, good and bad, over HTTP to a running server.
//! Guarantees: what is accepted is read back exactly, also after a restart; what is rejected is counted exactly and named,
//! and costs its neighbours nothing; answers are those that OTLP asks for; the counters on `/metrics` agree with both.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Summary, SummaryDataPoint, metric::Data,
};
use serde_json::Value;
use support::otlp::{
    CUMULATIVE, DELTA, MINUTE, SECOND, assert_taken, body, double, gap, gauge, gzip, int, labelled, metric,
    now, partial_success, point, started, sum, ten_minutes_ago,
};
use support::server::folder;
use support::{Server, encoded};

/// The last value of each second of a minute from `start`, up to the last one that there is.
fn values(server: &Server, metric: &str, start: u64) -> Vec<Value> {
    let (metric, end) = (encoded(metric), start + MINUTE);
    let answer = server.get(&format!(
        "/api/v2/metrics?metricName={metric}&start={start}&end={end}&interval=1s&aggregation=last"
    ));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut values = answer.json()["series"][0]["values"].as_array().expect("one series").clone();
    while values.last().is_some_and(Value::is_null) {
        values.pop();
    }
    values
}

/// One point a second.
fn every_second<T: Copy>(
    start: u64,
    values: &[T],
    point: fn(u64, T) -> NumberDataPoint,
) -> Vec<NumberDataPoint> {
    (0..).zip(values).map(|(at, value)| started(start, point(start + at * SECOND + 1, *value))).collect()
}

fn assert_integers(read: &[Value], sent: &[i64], what: &str) {
    assert_eq!(read.len(), sent.len(), "{what}: {read:?}");
    for (read, sent) in read.iter().zip(sent) {
        // What a double can say may be written as one.
        let exact = read.as_i64().or_else(|| {
            let double = read.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "the comparison shows whether it was exact")]
            let integer = double as i128;
            i64::try_from(integer).ok()
        });
        assert_eq!(exact, Some(*sent), "{what}: {read}");
    }
}

fn assert_doubles(read: &[Value], sent: &[f64], what: &str) {
    assert_eq!(read.len(), sent.len(), "{what}: {read:?}");
    for (read, sent) in read.iter().zip(sent) {
        match read.as_str() {
            Some("NaN") => assert!(sent.is_nan(), "{what}: {sent} became NaN"),
            Some("Infinity") => assert_eq!(*sent, f64::INFINITY, "{what}"),
            Some("-Infinity") => assert_eq!(*sent, f64::NEG_INFINITY, "{what}"),
            _ => assert_eq!(read.as_f64().map(f64::to_bits), Some(sent.to_bits()), "{what}: {read}"),
        }
    }
}

#[test]
fn gauges_and_sums_of_integers_and_doubles_are_read_back_exactly_plain_and_packed() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let start = ten_minutes_ago();
    let integers = [0, -1, 7, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MAX - 1, i64::MIN];
    let doubles =
        [0.1, -0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    let counts = [0, 1, (1 << 53) + 1, i64::MAX];
    let amounts = [0.0, 0.1, 1e300, f64::INFINITY];

    for packing in ["plain", "gzip"] {
        let named = |kind: &str| format!("exact/{packing}.{kind}");
        let request = body(vec![
            gauge(&named("gauge.int"), every_second(start, &integers, int)),
            gauge(&named("gauge.double"), every_second(start, &doubles, double)),
            sum(&named("delta.int"), DELTA, false, every_second(start, &integers, int)),
            sum(&named("delta.double"), DELTA, false, every_second(start, &doubles, double)),
            sum(&named("level.int"), CUMULATIVE, false, every_second(start, &integers, int)),
            sum(&named("counter.int"), CUMULATIVE, true, every_second(start, &counts, int)),
            sum(&named("counter.double"), CUMULATIVE, true, every_second(start, &amounts, double)),
        ]);
        let answer = match packing {
            "gzip" => server.post_metrics(&gzip(&request), &[("content-encoding", "gzip")]),
            _ => server.post_metrics(&request, &[]),
        };
        assert_taken(&answer);
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(answer.header("x-telemetryflow-durability"), Some("store"));

        for kind in ["gauge.int", "delta.int", "level.int"] {
            assert_integers(&values(&server, &named(kind), start), &integers, &named(kind));
        }
        for kind in ["gauge.double", "delta.double"] {
            assert_doubles(&values(&server, &named(kind), start), &doubles, &named(kind));
        }
        assert_integers(&values(&server, &named("counter.int"), start), &counts, packing);
        assert_doubles(&values(&server, &named("counter.double"), start), &amounts, packing);
    }
}

#[test]
fn a_point_without_a_recorded_value_leaves_a_gap_and_is_counted_nowhere() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let start = ten_minutes_ago();
    let points = || vec![int(start, 1), gap(start + SECOND), int(start + 2 * SECOND, 3)];
    assert_taken(&server.post_metrics(
        &body(vec![gauge("gap.gauge", points()), sum("gap.counter", CUMULATIVE, true, points())]),
        &[],
    ));
    for name in ["gap.gauge", "gap.counter"] {
        assert_eq!(values(&server, name, start), [Value::from(1.0), Value::Null, Value::from(3.0)], "{name}");
        let end = start + 3 * SECOND;
        let answer = server.get(&format!(
            "/api/v2/metrics?metricName={name}&start={start}&end={end}&interval=1s&aggregation=count"
        ));
        let counted = answer.json()["series"][0]["values"].clone();
        assert_eq!(counted, serde_json::json!([1.0, null, 1.0]), "{name}");
    }
}

/// Three times the same point.
fn histogram(name: &str, count: u64, bucket_counts: &[u64], bounds: &[f64], at: u64) -> Metric {
    let point = HistogramDataPoint {
        time_unix_nano: at,
        count,
        bucket_counts: bucket_counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    metric(name, Data::Histogram(Histogram { data_points: vec![point; 3], aggregation_temporality: DELTA }))
}

fn exponential(name: &str, scale: i32, offset: i32, at: u64) -> Metric {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: at,
        count: 1,
        scale,
        positive: Some(Buckets { offset, bucket_counts: vec![1] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let data_points = vec![point];
    metric(
        name,
        Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: DELTA }),
    )
}

fn summary(name: &str, quantile: f64, at: u64) -> Metric {
    let quantile_values = vec![ValueAtQuantile { quantile, value: 1.0 }];
    let point = SummaryDataPoint { time_unix_nano: at, quantile_values, ..SummaryDataPoint::default() };
    metric(name, Data::Summary(Summary { data_points: vec![point] }))
}

/// Each bad metric, how many of its points are rejected, and what the answer says of it.
fn bad_metrics(at: u64) -> Vec<(Metric, i64, &'static str)> {
    let day = 24 * 60 * MINUTE;
    vec![
        (gauge("bad.time", vec![int(0, 1), int(0, 2)]), 2, "the point has no time"),
        (gauge("bad.value", vec![point(at, None)]), 1, "the point has no value"),
        (
            sum("bad.counter", CUMULATIVE, true, vec![double(at, -0.5)]),
            1,
            "a monotonic sum cannot be negative",
        ),
        (sum("bad.delta", DELTA, true, vec![int(at, -1)]), 1, "a monotonic sum cannot be negative"),
        (gauge("bad.old", vec![int(now() - 8 * day, 1)]), 1, "older than [ingest] accept_past"),
        (gauge("bad.ahead", vec![int(now() + 11 * MINUTE, 1)]), 1, "ahead than [ingest] accept_future"),
        (gauge("bad.beyond", vec![int(u64::MAX, 1)]), 1, "ahead than [ingest] accept_future"),
        (
            sum("bad.temporality", 0, true, vec![int(at, 1); 4]),
            4,
            "temporality is neither delta nor cumulative",
        ),
        (sum("bad.enum", 9, false, vec![int(at, 1)]), 1, "temporality is neither delta nor cumulative"),
        (histogram("bad.count", 3, &[1, 1], &[0.5], at), 3, "do not hold what its count says"),
        (histogram("bad.buckets", 2, &[1, 1], &[], at), 3, "one bucket more than bounds"),
        (histogram("bad.bounds", 2, &[1, 1, 0], &[f64::NAN, 1.0], at), 3, "bounds of a histogram increase"),
        (exponential("bad.scale", 99, 0, at), 1, "scale of an exponential histogram"),
        (exponential("bad.offset", 0, i32::MAX, at), 1, "beyond 32 bits"),
        (summary("bad.quantile", 1.5, at), 1, "a quantile is not from 0 to 1"),
        (gauge("", vec![int(at, 1)]), 1, "the metric has no name"),
        (gauge(&"x".repeat(1_025), vec![int(at, 1)]), 1, "longer than 1024 bytes"),
    ]
}

#[test]
fn bad_points_are_counted_and_named_and_cost_their_neighbours_nothing() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let at = ten_minutes_ago();
    for (number, (bad, rejected, reason)) in bad_metrics(at).into_iter().enumerate() {
        let (before, after) = (format!("good.before.{number}"), format!("good.after.{number}"));
        let name = bad.name.clone();
        let request = body(vec![gauge(&before, vec![int(at, 5)]), bad, gauge(&after, vec![int(at, 6)])]);
        let (counted, message) = partial_success(&server.post_metrics(&request, &[]));
        assert_eq!(counted, rejected, "{name}: {message}");
        assert!(message.contains(reason), "{name}: {message}");
        let shown: String = name.chars().take(64).collect();
        assert!(message.contains(&format!("'{shown}'")), "{name}: {message}");
        assert_eq!(values(&server, &before, at), [Value::from(5.0)], "{name}");
        assert_eq!(values(&server, &after, at), [Value::from(6.0)], "{name}");
        if !name.is_empty() {
            let catalogue = server.get(&format!("/api/v2/metrics?search={}", encoded(&shown))).json();
            assert_eq!(catalogue["metrics"], serde_json::json!([]), "{name}");
        }
    }
}

#[test]
fn one_answer_tells_of_all_that_is_wrong_and_the_good_points_of_a_metric_stay() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let at = ten_minutes_ago();
    let all = bad_metrics(at);
    let expected: i64 = all.iter().map(|(_, rejected, _)| rejected).sum();
    let mixed = vec![int(at, 1), int(0, 2), point(at, None), int(at + SECOND, 4)];
    let mut metrics: Vec<Metric> = all.into_iter().map(|(metric, ..)| metric).collect();
    metrics.push(gauge("mixed", mixed));
    let (counted, message) = partial_success(&server.post_metrics(&body(metrics), &[]));
    assert_eq!(counted, expected + 2, "{message}");
    assert!(message.contains("3 points rejected: the point has no time"), "{message}");
    assert!(message.contains("2 points rejected: the point has no value"), "{message}");
    assert_eq!(values(&server, "mixed", at), [Value::from(1.0), Value::from(4.0)]);
}

#[test]
fn what_is_only_remarkable_is_stored_and_warned_of_with_nothing_rejected() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let at = ten_minutes_ago();
    for (remarkable, warning) in [
        (started(at + SECOND, int(at, 1)), "start time after the point's time"),
        (labelled(int(at, 1), &[("", "x")]), "attributes with an empty key"),
        (labelled(int(at, 1), &[("k", "a"), ("k", "b")]), "attributes with the same key"),
        (labelled(int(at, 1), &[(&"k".repeat(300), "a")]), "over-long attribute"),
    ] {
        let name = format!("warned.{}", warning.len());
        let (rejected, message) =
            partial_success(&server.post_metrics(&body(vec![gauge(&name, vec![remarkable])]), &[]));
        assert_eq!(rejected, 0, "{message}");
        assert!(message.contains("warning: ") && message.contains(warning), "{warning}: {message}");
        assert_eq!(values(&server, &name, at), [Value::from(1.0)], "{warning}");
    }
    let (rejected, message) =
        partial_success(&server.post_metrics(&body(vec![gauge("warned.empty", Vec::new())]), &[]));
    assert!(rejected == 0 && message.contains("a metric without data"), "{message}");
}

#[test]
fn the_counters_on_the_metrics_page_agree_exactly_with_what_was_answered() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let at = ten_minutes_ago();
    let good = |count: u64| (0..count).map(|n| int(at + n * SECOND, 1)).collect::<Vec<_>>();
    let mut rejected = 0;
    for round in 1..=5 {
        let mut metrics = vec![gauge("counted", good(round * 10))];
        metrics.extend(bad_metrics(at).into_iter().map(|(metric, ..)| metric));
        let (counted, _) = partial_success(&server.post_metrics(&body(metrics), &[]));
        rejected += counted.unsigned_abs();
    }
    assert_eq!(server.post_metrics(b"\xff", &[]).status, 400);
    assert_eq!(server.post_metrics(b"", &[("content-encoding", "br")]).status, 415);

    let points =
        |of: &str, labels: &[&str]| server.measured(&format!("telemetryflow_ingest_items_{of}"), labels);
    assert_eq!(points("stored_total", &[]), 150);
    assert_eq!(points("rejected_total", &[]), rejected);
    assert_eq!(points("received_total", &[]), 150 + rejected);
    assert_eq!((points("in_flight", &[]), points("failed_total", &[])), (0, 0));
    for (reason, each) in
        [("time_missing", 2), ("value_missing", 1), ("counter_negative", 2), ("count_mismatch", 3)]
    {
        assert_eq!(points("rejected_total", &[&format!("reason=\"{reason}\"")]), 5 * each, "{reason}");
    }
    let refused = |reason: &str| {
        let label = format!("reason=\"{reason}\"");
        server.measured("telemetryflow_ingest_requests_refused_total", &[&label])
    };
    assert_eq!((refused("undecodable"), refused("content_encoding")), (1, 1));
}

#[test]
fn what_was_answered_200_is_there_after_a_restart_and_its_series_are_still_the_same_ones() {
    let folder = folder();
    let at = ten_minutes_ago();
    let hosts = ["a", "b", "c"];
    let round = |shift: u64| {
        let points = hosts.map(|host| labelled(int(at + shift, 7), &[("host", host)]));
        body(vec![gauge("kept", points.to_vec()), sum("kept.sum", CUMULATIVE, true, points.to_vec())])
    };
    let series = |server: &Server, name: &str| {
        let catalogue = server.get(&format!("/api/v2/metrics?search={name}&cache=bypass")).json();
        let metric = catalogue["metrics"][0].clone();
        assert_eq!(metric["name"], name);
        metric["seriesCount"].as_u64()
    };
    for run in 0..3 {
        let server = Server::start(&folder, "");
        let kept: Vec<Value> = (0..run).map(|_| Value::from(7.0)).collect();
        if run > 0 {
            assert_eq!(values(&server, "kept", at), kept);
        }
        assert_taken(&server.post_metrics(&round(run * SECOND), &[]));
        assert_eq!(values(&server, "kept", at).len() as u64, run + 1);
        for name in ["kept", "kept.sum"] {
            assert_eq!(series(&server, name), Some(3), "run {run}");
        }
        let stopped = server.stop();
        assert!(stopped.status.success(), "{}", stopped.stderr);
    }
}

/// *Scenario*: a client did not see an answer and sends the same points again; then it corrects one of them.
/// *Guarantees*: each point counts once, with the value that was stored last.
#[test]
fn the_same_point_sent_again_counts_once_and_the_last_value_stays() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let start = ten_minutes_ago();
    let total = |aggregation: &str| {
        let end = start + MINUTE;
        let answer = server.get(&format!(
            "/api/v2/metrics?metricName=again&start={start}&end={end}&interval=1m&aggregation={aggregation}"
        ));
        answer.json()["series"][0]["values"].clone()
    };
    let points = |second: i64| vec![int(start, 5), int(start + SECOND, second), int(start + SECOND, second)];
    for second in [7, 7, 2] {
        assert_taken(&server.post_metrics(&body(vec![gauge("again", points(second))]), &[]));
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        let sum = (5 + second) as f64;
        assert_eq!((total("count"), total("sum")), (serde_json::json!([2.0]), serde_json::json!([sum])));
    }
}

/// *Guarantees*: distributions are accepted, listed with their kind, and a query for what they lack says so.
#[test]
fn distributions_are_stored_and_listed_and_a_query_for_what_they_lack_says_so() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let at = ten_minutes_ago();
    let metrics = vec![
        histogram("kind.histogram", 2, &[1, 1], &[0.5], at),
        histogram("kind.histogram.plain", 9, &[], &[], at),
        exponential("kind.exponential_histogram", 3, -7, at),
        summary("kind.summary", 0.99, at),
    ];
    assert_taken(&server.post_metrics(&body(metrics), &[]));
    assert_eq!(server.measured("telemetryflow_ingest_items_stored_total", &[]), 8);
    for (kind, temporality) in
        [("histogram", "delta"), ("exponential_histogram", "delta"), ("summary", "none")]
    {
        let listed = server.get(&format!("/api/v2/metrics?search=kind.{kind}")).json()["metrics"][0].clone();
        assert_eq!(
            (&listed["type"], &listed["temporality"]),
            (&kind.into(), &temporality.into()),
            "{listed}"
        );
        let path = format!("/api/v2/metrics?metricName=kind.{kind}&start={at}&end={}", at + MINUTE);
        let answer = server.get(&format!("{path}&aggregation=last"));
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains("are distributions"), "{}", answer.text());
    }
    // Where the metric has numbers as new as that, these are answered.
    assert_taken(&server.post_metrics(&body(vec![gauge("kind.summary", vec![int(at, 3)])]), &[]));
    assert_eq!(values(&server, "kind.summary", at), [Value::from(3.0)]);
}

/// *Scenario*: the operator accepts old points, and one request brings some of each day of half a year.
/// *Guarantees*: it is stored as any other. (The store keeps days apart, and its engine refuses more than a hundred at once
/// unless it is told otherwise; such a request would be tried again for ever.)
#[test]
fn one_request_may_bring_points_of_hundreds_of_days() {
    const DAYS: u64 = 180;
    let folder = folder();
    let extra = "retention_metrics = \"3650d\"\n[ingest]\naccept_past = \"365d\"";
    let server = Server::start(&folder, extra);
    let day = 24 * 60 * MINUTE;
    let last = now() / day * day;
    let points = (0..DAYS).map(|days| int(last - days * day, 1)).collect();
    assert_taken(&server.post_metrics(&body(vec![gauge("days", points)]), &[]));
    let start = last - (DAYS - 1) * day;
    let answer = server.get(&format!(
        "/api/v2/metrics?metricName=days&start={start}&end={}&interval=1d&aggregation=count",
        last + day
    ));
    let values = answer.json()["series"][0]["values"].as_array().expect("one series").clone();
    assert_eq!(values, vec![Value::from(1.0); usize::try_from(DAYS).expect("few")]);
}
