//! Scenario: metrics as the table "Metrics" of `docs/otlp.md` has them are sent in all three encodings.
//! Guarantees: each row is answered alike and stored as the table says, whichever way it came; what was sent three times is
//! there once.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

#[path = "otlp_metrics/kinds.rs"]
mod kinds;

use kinds::{exponential, histogram, of_every_kind, summary};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Metric, NumberDataPoint, exemplar, metric::Data,
};
use prost::Message;
use serde_json::{Value, json};
use support::every_way::{Exporter, Said};
use support::otlp::{
    CUMULATIVE, DELTA, MINUTE, SECOND, double, export, gauge, int, labelled, moment, now, partial_success,
    point, started, sum, text,
};
use support::server::folder;
use support::{Server, tables};
use tempfile::TempDir;

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";

/// Sends each metric between two good ones, and tells what was said of it.
fn send_bad(exporter: &mut Exporter, bad: Metric) -> Said {
    let good = |name| gauge(name, vec![int(moment(), 1)]);
    exporter.send_every_way(&export(vec![good("good.before"), bad, good("good.after")]))
}

/// The points that the views hold, by metric.
fn counts(folder: &TempDir) -> Vec<Value> {
    let kinds = ["gauge", "sum", "histogram", "exponential_histogram", "summary"];
    let selects =
        kinds.map(|kind| format!("SELECT MetricName AS name FROM telemetryflow.otel_metrics_{kind}"));
    let union = selects.join(" UNION ALL ");
    tables::rows(
        folder,
        &format!("SELECT toString(name), count() FROM ({union}) GROUP BY name ORDER BY name"),
    )
}

#[test]
fn points_of_every_kind_that_break_a_rule_are_rejected_alone() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 1);
    let day = 24 * 60 * MINUTE;
    for (time, reason) in [
        (0, "the point has no time"),
        (now() - 8 * day, "older than [ingest] accept_past or the signal's retention allows"),
        (now() + 11 * MINUTE, "further ahead than [ingest] accept_future allows"),
        (u64::MAX, "further ahead than [ingest] accept_future allows"),
    ] {
        for bad in of_every_kind("bad", DELTA, time, 0) {
            let said = send_bad(&mut exporter, bad);
            assert_eq!(said.message, format!("1 points rejected: {reason} (metrics: 'bad')"), "time {time}");
        }
    }
    let negative = "a monotonic sum cannot be negative";
    for (row, bad, reason) in [
        ("no value and no flag", gauge("bad", vec![point(moment(), None)]), "the point has no value"),
        ("delta below 0", sum("bad", DELTA, true, vec![int(moment(), -1)]), negative),
        ("counter below 0", sum("bad", CUMULATIVE, true, vec![double(moment(), -0.5)]), negative),
        ("name empty", gauge("", vec![int(moment(), 1)]), "the metric has no name"),
        ("name too long", gauge(&"x".repeat(1_025), vec![int(moment(), 1)]), "longer than 1024 bytes"),
    ] {
        let said = send_bad(&mut exporter, bad);
        assert!(said.rejected == 1 && said.message.contains(reason), "{row}: {said:?}");
    }
    for temporality in [0, 3, -1] {
        for bad in of_every_kind("bad", temporality, moment(), 0).into_iter().filter(kinds::adds_up) {
            let said = send_bad(&mut exporter, bad);
            let reason = "temporality is neither delta nor cumulative";
            assert!(
                said.rejected == 1 && said.message.contains(reason),
                "temporality {temporality}: {said:?}"
            );
        }
    }
    assert!(server.stop().status.success());
    assert_eq!(counts(&folder), [json!(["good.after", 1]), json!(["good.before", 1])]);
}

#[test]
fn distributions_that_contradict_themselves_are_rejected_alone() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 2);
    let (shape, order) = ("one bucket more than bounds", "the bounds of a histogram increase");
    let (count, index, scale) =
        ("do not hold what its count says", "beyond 32 bits", "the scale of an exponential histogram");
    let buckets = |offset, counts: &[u64]| Some(Buckets { offset, bucket_counts: counts.to_vec() });
    for (row, bad, reason) in [
        ("too few buckets", histogram(2, &[1, 1], &[0.5, 1.0]), shape),
        ("too many buckets", histogram(2, &[1, 1], &[]), shape),
        ("bounds without buckets", histogram(2, &[], &[1.0]), shape),
        ("bounds fall", histogram(3, &[1, 1, 1], &[2.0, 1.0]), order),
        ("bounds are equal", histogram(3, &[1, 1, 1], &[1.0, 1.0]), order),
        ("bound NaN", histogram(3, &[1, 1, 1], &[1.0, f64::NAN]), order),
        ("count too large", histogram(4, &[1, 1, 1], &[1.0, 2.0]), count),
        ("count that overflows", histogram(0, &[u64::MAX, 1], &[1.0]), count),
        ("exponential count", exponential(2, 0, 0, buckets(0, &[1]), None), count),
        ("zero count", exponential(2, 0, 2, buckets(0, &[1]), None), count),
        ("offset overflows", exponential(1, 0, 0, buckets(i32::MAX, &[1]), None), index),
        ("negative offset overflows", exponential(2, 0, 0, None, buckets(i32::MAX - 1, &[1, 1])), index),
        ("scale too fine", exponential(1, 53, 0, buckets(0, &[1]), None), scale),
        ("scale too coarse", exponential(1, -12, 0, buckets(0, &[1]), None), scale),
        ("scale MIN", exponential(1, i32::MIN, 0, buckets(0, &[1]), None), scale),
        ("quantile above 1", summary(&[0.5, 1.5]), "a quantile is not from 0 to 1"),
        ("quantile below 0", summary(&[-0.1]), "a quantile is not from 0 to 1"),
        ("quantile NaN", summary(&[f64::NAN]), "a quantile is not from 0 to 1"),
    ] {
        let said = send_bad(&mut exporter, bad);
        assert!(said.rejected == 1 && said.message.contains(reason), "{row}: {said:?}");
    }
    // Buckets at both ends of what there is.
    let far = exponential(3, 20, 1, buckets(i32::MAX - 1, &[1]), buckets(i32::MIN, &[1]));
    exporter.taken_every_way(&export(vec![far]));
    assert!(server.stop().status.success());
    assert_eq!(
        counts(&folder),
        [json!(["distribution", 1]), json!(["good.after", 1]), json!(["good.before", 1])]
    );
}

#[test]
fn what_a_distribution_does_not_say_is_absent_and_not_zero() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 3);
    exporter.taken_every_way(&export(vec![
        histogram(9, &[], &[]),
        exponential(0, 0, 0, None, None),
        summary(&[]),
    ]));
    assert!(server.stop().status.success());
    for kind in ["histogram", "exponential_histogram"] {
        let select = format!("SELECT Count, Sum, Min, Max FROM telemetryflow.otel_metrics_{kind}");
        let count = if kind == "histogram" { 9 } else { 0 };
        assert_eq!(tables::rows(&folder, &select), [json!([count, null, null, null])], "{kind}");
    }
    let found = tables::rows(
        &folder,
        "SELECT BucketCounts, ExplicitBounds FROM telemetryflow.otel_metrics_histogram",
    );
    assert_eq!(found, [json!([[], []])]);
    let found =
        tables::rows(&folder, "SELECT `ValueAtQuantiles.Quantile` FROM telemetryflow.otel_metrics_summary");
    assert_eq!(found, [json!([[]])]);
}

#[test]
fn a_point_of_any_kind_may_end_its_series() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 4);
    exporter.taken_every_way(&export(of_every_kind("ended", CUMULATIVE, moment(), 1).into()));
    assert!(server.stop().status.success());
    for table in ["samples", "histograms", "exponential_histograms", "summaries"] {
        let select = format!("SELECT DISTINCT flags FROM telemetryflow.metric_{table}");
        assert_eq!(tables::rows(&folder, &select), [json!([1])], "{table}");
    }
    let found = tables::rows(&folder, "SELECT DISTINCT toString(value) FROM telemetryflow.metric_samples");
    assert_eq!(found, [json!(["nan"])], "never stored as 0");
}

#[test]
fn a_counter_that_falls_or_begins_anew_is_taken_as_it_is() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 5);
    let points = [(0, 100), (1, 150), (2, 20), (3, 25)].map(|(at, value)| {
        let start = if at < 2 { moment() - MINUTE } else { moment() + 2 * SECOND - 1 };
        started(start, int(moment() + at * SECOND, value))
    });
    exporter.taken_every_way(&export(vec![sum("counter", CUMULATIVE, true, points.to_vec())]));
    let answer = server.get(&format!(
        "/api/v2/metrics?metricName=counter&aggregation=increase&interval=1m&start={}&end={}",
        moment(),
        moment() + MINUTE
    ));
    // The series began lately, so that its first 100 are an increase too; then 50, and from 0 again 20 and 5.
    assert_eq!(answer.json()["series"][0]["values"], json!([175.0]), "{}", answer.text());
}

#[test]
fn a_start_may_be_the_time_or_unknown_and_one_after_the_time_is_unknown_with_a_warning() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 6);
    let with =
        |name: &str, start| export(vec![sum(name, CUMULATIVE, true, vec![started(start, int(moment(), 1))])]);
    exporter.taken_every_way(&with("equal", moment()));
    exporter.taken_every_way(&with("unknown", 0));
    for (name, start) in [("later", moment() + 1), ("beyond", u64::MAX)] {
        let said = exporter.send_every_way(&with(name, start));
        assert!(
            said.rejected == 0 && said.message.contains("start time after the point's time"),
            "{name}: {said:?}"
        );
    }
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT MetricName, toString(toUnixTimestamp64Nano(StartTimeUnix)) FROM telemetryflow.otel_metrics_sum ORDER BY 1",
    );
    let expected = ["beyond", "equal", "later", "unknown"].map(|name| {
        let start = if name == "equal" { moment() } else { 0 };
        json!([name, start.to_string()])
    });
    assert_eq!(found, expected);
}

#[test]
fn names_and_numbers_are_kept_to_the_last_bit() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 7);
    let mut names =
        ["http/server.duration", "1st", "größe \u{1F4CF}", "a b", " ", "\"'`;--", &"x".repeat(1_024)]
            .map(str::to_owned);
    let metrics = names.iter().map(|name| gauge(name, vec![int(moment(), 1)])).collect();
    exporter.taken_every_way(&export(metrics));
    let integers = [i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1, 0];
    let doubles = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1, 5e-324, f64::MAX];
    let at = |number: usize| moment() + SECOND * u64::try_from(number).expect("few");
    let points = |count| (0..count).map(at);
    exporter.taken_every_way(&export(vec![
        sum("integers", DELTA, false, points(5).zip(integers).map(|(at, value)| int(at, value)).collect()),
        sum("doubles", DELTA, false, points(6).zip(doubles).map(|(at, value)| double(at, value)).collect()),
    ]));
    assert!(server.stop().status.success());
    names.sort();
    let found =
        tables::rows(&folder, "SELECT MetricName FROM telemetryflow.otel_metrics_gauge ORDER BY MetricName");
    assert_eq!(found, names.map(|name| json!([name])));
    let read = |columns: &str, name: &str| {
        let select = format!(
            "SELECT {columns} FROM telemetryflow.otel_metrics_sum WHERE MetricName = '{name}' ORDER BY TimeUnix"
        );
        tables::rows(&folder, &select)
    };
    assert_eq!(read("toString(ValueInteger)", "integers"), integers.map(|value| json!([value.to_string()])));
    let bits = |value: f64| json!([value.to_bits().to_string()]);
    assert_eq!(read("toString(reinterpretAsUInt64(Value))", "doubles"), doubles.map(bits));
}

/// A metric with a field that nobody knows, as of a kind to come. Only protobuf can say so, over HTTP and over gRPC alike.
#[test]
fn a_metric_without_points_or_of_an_unknown_kind_is_ignored_with_a_warning() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 8);
    let empty = Data::Gauge(Gauge::default());
    for nothing in [None, Some(empty)] {
        let said =
            send_bad(&mut exporter, Metric { name: "nothing".into(), data: nothing, ..Metric::default() });
        assert!(
            said.rejected == 0 && said.message.contains("without data or of an unknown kind"),
            "{said:?}"
        );
    }
    let unknown = [&b"\x0a\x07unknown\x7a\x02"[..], b"\x0a\x00"].concat();
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("few");
    let within = |tag: u8, bytes: &[u8]| [&[tag, length(bytes)][..], bytes].concat();
    let metric = within(0x0a, &within(0x12, &within(0x12, &unknown)));
    let request =
        [export(vec![gauge("good.beside", vec![int(moment(), 1)])]).encode_to_vec(), metric].concat();
    let (rejected, message) = partial_success(&server.post_metrics(&request, &[]));
    assert!(rejected == 0 && message.contains("without data or of an unknown kind"), "{message}");
    assert!(server.stop().status.success());
    let expected = ["good.after", "good.before", "good.beside"].map(|name| json!([name, 1]));
    assert_eq!(counts(&folder), expected);
}

/// *Scenario*: the operator sets no limits to times, and keeps points for as long as can be set.
#[test]
fn the_window_is_the_operators_to_choose() {
    let folder = folder();
    let extra =
        format!("retention_metrics = \"3650d\"\n{AT_ONCE}\naccept_past = \"0s\"\naccept_future = \"0s\"");
    let server = Server::start(&folder, &extra);
    let mut exporter = Exporter::open(&server, 9);
    let year = 365 * 24 * 60 * MINUTE;
    exporter.taken_every_way(&export(vec![gauge(
        "window",
        vec![int(now() - 9 * year, 1), int(now() + 5 * year, 2)],
    )]));
    let said = exporter.send_every_way(&export(vec![gauge("window", vec![int(1, 3)])]));
    assert_eq!(said.rejected, 1, "older than the retention: {said:?}");
    assert!(server.stop().status.success());
    assert_eq!(counts(&folder), [json!(["window", 2])]);
}

#[test]
fn a_series_is_told_by_what_identifies_it_and_by_nothing_else() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 10);
    let at = |second| labelled(int(moment() + second * SECOND, 1), &[("host", "a")]);
    let same = |name: &str| gauge(name, vec![at(0)]);
    let described =
        Metric { description: "other words".into(), metadata: vec![text("k", "v")], ..same("same") };
    let doubled = gauge("same", vec![labelled(double(moment() + SECOND, 0.5), &[("host", "a")])]);
    for metric in [same("same"), described, doubled] {
        exporter.taken_every_way(&export(vec![metric]));
    }
    // Other bounds and another scale are the same series too.
    let one = Some(Buckets { offset: 0, bucket_counts: vec![1] });
    for metric in [histogram(1, &[1, 0], &[1.0]), histogram(1, &[0, 1, 0], &[2.0, 3.0])] {
        exporter.taken_every_way(&export(vec![metric]));
    }
    for scale in [0, 5] {
        let mut metric = exponential(1, scale, 0, one.clone(), None);
        metric.name = "exponential".into();
        exporter.taken_every_way(&export(vec![metric]));
    }
    let mut other_resource = export(vec![same("told.apart")]);
    let resource = other_resource.resource_metrics[0].resource.as_mut().expect("a resource");
    resource.attributes.push(text("host.name", "b"));
    let mut other_scope = export(vec![same("told.apart")]);
    let scope = InstrumentationScope { name: "other".into(), ..InstrumentationScope::default() };
    other_scope.resource_metrics[0].scope_metrics[0].scope = Some(scope);
    let unit = Metric { unit: "s".into(), ..same("told.apart") };
    let others: [ExportMetricsServiceRequest; 8] = [
        export(vec![same("told.apart")]),
        export(vec![gauge("told.apart", vec![labelled(int(moment(), 1), &[("host", "b")])])]),
        export(vec![unit]),
        export(vec![sum("told.apart", DELTA, false, vec![at(0)])]),
        export(vec![sum("told.apart", CUMULATIVE, false, vec![at(0)])]),
        export(vec![sum("told.apart", CUMULATIVE, true, vec![at(0)])]),
        other_resource,
        other_scope,
    ];
    for request in &others {
        exporter.taken_every_way(request);
    }
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT toString(metric), uniqExact(series_id) FROM telemetryflow.metric_series GROUP BY metric ORDER BY metric",
    );
    let expected = [("distribution", 1), ("exponential", 1), ("same", 1), ("told.apart", 8)];
    assert_eq!(found, expected.map(|(name, series)| json!([name, series])));
}

#[test]
fn the_same_series_and_time_twice_is_the_last_value_and_what_surrounds_a_point_is_kept() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 11);
    let exemplar = |value: i64, length| Exemplar {
        filtered_attributes: vec![text("user", "u")],
        time_unix_nano: moment() - 1,
        span_id: vec![2; 8],
        trace_id: vec![1; length],
        value: Some(exemplar::Value::AsInt(value)),
    };
    let with = |value, exemplars| NumberDataPoint { exemplars, ..int(moment(), value) };
    let metric = Metric {
        description: "about it".into(),
        unit: "By".into(),
        metadata: vec![text("of", "metric")],
        ..gauge("twice", vec![with(1, vec![exemplar(i64::MAX, 16)]), with(2, vec![exemplar(i64::MIN, 16)])])
    };
    let mut request = export(vec![metric]);
    let outer = &mut request.resource_metrics[0];
    outer.schema_url = "resource/url".into();
    outer.scope_metrics[0].schema_url = "scope/url".into();
    let attributes = vec![text("of", "scope")];
    outer.scope_metrics[0].scope = Some(InstrumentationScope {
        name: "scope".into(),
        version: "1.0".into(),
        attributes,
        dropped_attributes_count: 4,
    });
    exporter.taken_every_way(&request);
    let untied = export(vec![gauge("untied", vec![with(1, vec![exemplar(7, 15)])])]);
    let said = exporter.send_every_way(&untied);
    assert!(
        said.rejected == 0 && said.message.contains("exemplars with an invalid trace or span id"),
        "{said:?}"
    );
    let bad = Exemplar { value: None, ..exemplar(7, 16) };
    let said = exporter.send_every_way(&export(vec![gauge("untied", vec![with(1, vec![bad])])]));
    assert!(said.rejected == 0 && said.message.contains("exemplars without a value"), "{said:?}");
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT ValueInteger, MetricDescription, MetricUnit, MetricMetadata, ResourceSchemaUrl, ScopeSchemaUrl, ScopeName, ScopeVersion, \
         ScopeAttributes, ScopeDroppedAttrCount, `Exemplars.TraceId`, `Exemplars.SpanId`, `Exemplars.FilteredAttributes`, \
         toString(`Exemplars.ValueInteger`[1]) FROM telemetryflow.otel_metrics_gauge WHERE MetricName = 'twice'",
    );
    let expected = json!([
        2,
        "about it",
        "By",
        { "of": "metric" },
        "resource/url",
        "scope/url",
        "scope",
        "1.0",
        { "of": "scope" },
        4,
        ["01".repeat(16)],
        ["02".repeat(8)],
        [{ "user": "u" }],
        i64::MIN.to_string()
    ]);
    assert_eq!(found, [expected]);
}
