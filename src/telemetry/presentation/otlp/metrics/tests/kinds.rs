//! Metrics of every kind, case by case: what identifies a series, what a metric may leave out, and how much memory it gets.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data,
    number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::*;
use crate::platform::http::ByteBudget;
use crate::telemetry::domain::{Rejection, Warning};
use crate::telemetry::presentation::otlp::meter::MeterError;

fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, Some(Any::StringValue(value.into())))
}

fn request(data: Data) -> ExportMetricsServiceRequest {
    let metric = Metric { name: "m".into(), unit: "s".into(), data: Some(data), ..Metric::default() };
    let scope = InstrumentationScope {
        name: "lib".into(),
        version: "1".into(),
        attributes: vec![text("s", "1")],
        ..InstrumentationScope::default()
    };
    let scope_metrics = ScopeMetrics { scope: Some(scope), metrics: vec![metric], ..ScopeMetrics::default() };
    let resource = Resource { attributes: vec![text("host", "a")], ..Resource::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        }],
    }
}

fn number(value: Value) -> NumberDataPoint {
    let attributes = vec![text("a", "1")];
    NumberDataPoint { time_unix_nano: NOW, value: Some(value), attributes, ..NumberDataPoint::default() }
}

fn sum(aggregation_temporality: i32, is_monotonic: bool, value: Value) -> Data {
    Data::Sum(Sum { data_points: vec![number(value)], aggregation_temporality, is_monotonic })
}

fn histogram(aggregation_temporality: i32, bounds: &[f64]) -> Data {
    let point = HistogramDataPoint {
        time_unix_nano: NOW,
        attributes: vec![text("a", "1")],
        bucket_counts: vec![0; bounds.len() + 1],
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality })
}

fn exponential(aggregation_temporality: i32, scale: i32, bucket_counts: Vec<u64>) -> Data {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: NOW,
        attributes: vec![text("a", "1")],
        scale,
        count: bucket_counts.iter().sum(),
        positive: Some(Buckets { offset: 0, bucket_counts }),
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality })
}

/// The one series of a request.
fn series(request: &ExportMetricsServiceRequest) -> u64 {
    let decoded = decode(request);
    assert_eq!((decoded.new_series.len(), decoded.columns.len()), (1, 1), "{request:?}");
    decoded.new_series[0].identity.id.0
}

fn changed(
    base: &ExportMetricsServiceRequest,
    change: impl FnOnce(&mut ResourceMetrics),
) -> ExportMetricsServiceRequest {
    let mut request = base.clone();
    change(&mut request.resource_metrics[0]);
    request
}

fn scope(resource: &mut ResourceMetrics) -> &mut InstrumentationScope {
    resource.scope_metrics[0].scope.as_mut().unwrap()
}

#[test]
fn what_only_describes_a_series_does_not_make_another_one() {
    let base = request(sum(2, true, Value::AsInt(1)));
    let same = [
        request(sum(2, true, Value::AsDouble(0.5))),
        changed(&base, |r| r.scope_metrics[0].metrics[0].description = "words".into()),
        changed(&base, |r| r.scope_metrics[0].metrics[0].metadata = vec![text("k", "v")]),
        changed(&base, |r| r.schema_url = "https://example.org/1".into()),
        changed(&base, |r| r.scope_metrics[0].schema_url = "https://example.org/2".into()),
        changed(&base, |r| r.resource.as_mut().unwrap().dropped_attributes_count = 3),
        changed(&base, |r| scope(r).dropped_attributes_count = 3),
    ];
    for request in &same {
        assert_eq!(series(request), series(&base), "{request:?}");
    }
    assert_eq!(series(&request(histogram(1, &[1.0]))), series(&request(histogram(1, &[2.0, 3.0]))));
    assert_eq!(series(&request(exponential(1, 3, vec![1]))), series(&request(exponential(1, 4, vec![]))));
}

#[test]
fn whatever_identifies_a_series_makes_another_one() {
    let base = request(sum(2, true, Value::AsInt(1)));
    let others = [
        request(sum(1, true, Value::AsInt(1))),
        request(sum(2, false, Value::AsInt(1))),
        request(Data::Gauge(Gauge { data_points: vec![number(Value::AsInt(1))] })),
        request(histogram(1, &[])),
        request(histogram(2, &[])),
        request(exponential(1, 0, vec![])),
        request(exponential(2, 0, vec![])),
        changed(&base, |r| r.scope_metrics[0].metrics[0].name = "n".into()),
        changed(&base, |r| r.scope_metrics[0].metrics[0].unit = "ms".into()),
        changed(&base, |r| r.resource.as_mut().unwrap().attributes = vec![text("host", "b")]),
        changed(&base, |r| scope(r).name = "other".into()),
        changed(&base, |r| scope(r).version = "2".into()),
        changed(&base, |r| scope(r).attributes = vec![text("s", "2")]),
        base,
    ];
    let ids: std::collections::BTreeSet<u64> = others.iter().map(series).collect();
    assert_eq!(ids.len(), others.len());
}

#[test]
fn a_metric_without_data_or_of_an_unknown_kind_costs_its_neighbours_nothing() {
    let piece = |tag: u8, bytes: Vec<u8>| [vec![tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let name = || piece(0x0a, b"x".to_vec());
    // Field 13, a kind that is yet to come, with something like a point.
    let unknown = piece(0x12, [name(), piece(0x6a, piece(0x0a, vec![0x08, 1]))].concat());
    let without = piece(0x12, name());
    let good = request(sum(2, true, Value::AsInt(1))).resource_metrics[0].scope_metrics[0].encode_to_vec();
    let bytes = piece(0x0a, piece(0x12, [unknown, good, without].concat()));
    let decoded = intake(&bytes, &mut Remembering::default()).unwrap();
    assert_eq!((decoded.columns.len(), decoded.findings.rejected_items()), (1, 0));
    assert_eq!(decoded.findings.warnings().collect::<Vec<_>>(), [(Warning::MetricEmpty, 2)]);
}

#[test]
fn buckets_in_pieces_and_unpacked_numbers_are_understood() {
    let piece = |tag: u8, bytes: Vec<u8>| [vec![tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let time = [vec![0x19], NOW.to_le_bytes().to_vec()].concat();
    let count = [vec![0x21], 6_u64.to_le_bytes().to_vec()].concat();
    // Positive buckets: offset -2 and counts 1, 2; then another 3, unpacked.
    let first = piece(0x42, vec![0x08, 3, 0x12, 2, 1, 2]);
    let second = piece(0x42, vec![0x10, 3]);
    let point = piece(0x0a, [first, time, count, second].concat());
    let data = piece(0x52, [vec![0x10, 1], point].concat());
    let metric = piece(0x12, [piece(0x0a, b"m".to_vec()), data].concat());
    let bytes = piece(0x0a, piece(0x12, metric));
    let decoded = intake(&bytes, &mut Remembering::default()).unwrap();
    let columns = &decoded.columns.exponential_histograms;
    assert_eq!(columns.shapes()[0].positive_offset, -2);
    assert_eq!(columns.positive_counts().get(0), Some(&[1, 2, 3][..]));
}

#[test]
fn a_bad_distribution_is_rejected_alone() {
    let good = HistogramDataPoint { time_unix_nano: NOW, ..HistogramDataPoint::default() };
    let bad = HistogramDataPoint { bucket_counts: vec![1], count: 2, ..good.clone() };
    let data_points = vec![good.clone(), bad, good];
    let decoded = decode(&request(Data::Histogram(Histogram { data_points, aggregation_temporality: 2 })));
    assert_eq!(decoded.columns.len(), 2);
    assert_eq!(decoded.findings.rejections().collect::<Vec<_>>(), [(Rejection::CountMismatch, 1)]);
}

#[test]
fn attributes_that_are_too_many_count_as_dropped() {
    let request = changed(&request(sum(2, true, Value::AsInt(1))), |r| {
        let resource = r.resource.as_mut().unwrap();
        resource.attributes = (0..130).map(|n| text(&format!("{n:03}"), "v")).collect();
        resource.dropped_attributes_count = 5;
    });
    assert_eq!(decode(&request).new_series[0].identity.resource.dropped_attributes, 7);
}

fn within(budget_bytes: usize, request: &ExportMetricsServiceRequest) -> Result<usize, WalkError> {
    let budget = ByteBudget::new(budget_bytes);
    let mut share = budget.try_reserve(0).unwrap();
    let mut meter = Meter::new(&mut share);
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut catalogue = Remembering::default();
    let tenant = TenantId::unnamed();
    let mut intake = MetricsIntake::new(tenant, window, keys::KeySeed(7), &mut meter, &mut catalogue);
    walk(&request.encode_to_vec(), &mut intake)?;
    Ok(intake.finish().columns.len())
}

#[test]
fn a_request_that_takes_more_memory_than_there_is_ends_with_that() {
    let too_much = Err(WalkError::Meter(MeterError::TooMuch));
    let many_buckets = request(exponential(1, 0, vec![0; 100_000]));
    assert_eq!(within(1 << 20, &many_buckets), too_much);
    assert_eq!(within(2 << 20, &many_buckets), Ok(1));

    let many_numbers = request(Data::Gauge(Gauge { data_points: vec![number(Value::AsInt(1)); 20_000] }));
    assert_eq!(within(1 << 20, &many_numbers), too_much);
    assert_eq!(within(2 << 20, &many_numbers), Ok(20_000));

    let distinct =
        |n: u64| NumberDataPoint { attributes: vec![text("n", &n.to_string())], ..number(Value::AsInt(1)) };
    let data_points = (0..100).map(distinct).collect();
    let large = vec![text("big", &"x".repeat(10_000))];
    let many_texts = changed(&request(Data::Gauge(Gauge { data_points })), |r| {
        r.resource.as_mut().unwrap().attributes = large;
    });
    assert_eq!(within(1 << 20, &many_texts), too_much);
    assert_eq!(within(3 << 20, &many_texts), Ok(100));

    let exemplar = Exemplar {
        value: Some(exemplar::Value::AsInt(1)),
        filtered_attributes: vec![text("k", "v")],
        ..Exemplar::default()
    };
    let point = NumberDataPoint { exemplars: vec![exemplar; 10_000], ..number(Value::AsInt(1)) };
    let many_exemplars = request(Data::Gauge(Gauge { data_points: vec![point] }));
    assert_eq!(within(1 << 20, &many_exemplars), too_much);
    assert_eq!(within(8 << 20, &many_exemplars), Ok(1));
}
