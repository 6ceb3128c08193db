//! Bodies of metrics decode to what was meant: times, starts, values and series, whatever was there before.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, NumberDataPoint, metric, number_data_point,
};

use prost::Message;

use super::{START, body, moment};
use crate::body::points;

fn decode(bytes: &[u8]) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest::decode(bytes).unwrap()
}

fn metrics(request: &ExportMetricsServiceRequest) -> Vec<(AggregationTemporality, &[NumberDataPoint])> {
    let metrics = request.resource_metrics[0].scope_metrics[0].metrics.iter();
    let parts = metrics.map(|metric| match metric.data.as_ref().unwrap() {
        metric::Data::Gauge(gauge) => (AggregationTemporality::Unspecified, &gauge.data_points[..]),
        metric::Data::Sum(sum) => (sum.aggregation_temporality(), &sum.data_points[..]),
        _ => panic!("neither gauge nor sum"),
    });
    parts.collect()
}

fn pods(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let all = metrics(request);
    let points = all.iter().flat_map(|(_, points)| points.iter());
    points.map(|point| string(point.attributes[3].value.as_ref().unwrap().value.as_ref().unwrap())).collect()
}

fn string(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        _ => panic!("not a string"),
    }
}

#[test]
fn a_body_has_the_size_and_shape_that_was_asked_for() {
    let mut body = body("--items-per-body 1000 --metrics 20");
    let bytes = body.fill(0, moment(0)).len();
    assert!((205..=219).contains(&(bytes / 1_000)), "{bytes} bytes per thousand points");
    let request = decode(body.fill(0, moment(0)));
    assert_eq!(metrics(&request).len(), 20);
    assert!(metrics(&request).iter().all(|(_, points)| points.len() == 50));
    assert!(metrics(&request).iter().all(|(_, points)| points.iter().all(|p| p.attributes.len() == 5)));
}

#[test]
fn times_and_starts_follow_the_moment() {
    let mut body = body("--items-per-body 60 --metrics 6 --series 60");
    for later in [5_000_000_000, 7_000_000_001] {
        let request = decode(body.fill(0, moment(later)));
        for (temporality, points) in metrics(&request) {
            let start = match temporality {
                AggregationTemporality::Unspecified => 0,
                AggregationTemporality::Delta => START + later - points::DELTA_NANOS,
                AggregationTemporality::Cumulative => START,
            };
            assert!(points.iter().all(|point| point.time_unix_nano == START + later));
            assert!(points.iter().all(|point| point.start_time_unix_nano == start));
        }
    }
}

#[test]
fn values_are_in_range_and_cumulative_ones_grow() {
    let mut body = body("--items-per-body 6 --metrics 6 --series 6");
    let mut values = |later| {
        let request = decode(body.fill(0, moment(later)));
        metrics(&request).iter().map(|(_, points)| points[0].value.unwrap()).collect::<Vec<_>>()
    };
    let (early, late) = (values(1_000_000), values(8_000_000));
    use number_data_point::Value::{AsDouble, AsInt};
    assert!(matches!(early[0], AsDouble(v) if (0.0..100.0).contains(&v)));
    assert_eq!((early[1], late[1]), (AsInt(1), AsInt(8)));
    assert!(matches!(early[2], AsInt(v) if (0..100).contains(&v)));
    assert!(matches!(early[3], AsInt(v) if (0..1_000_000).contains(&v)));
    assert_eq!((early[4], late[4]), (AsDouble(0.25), AsDouble(2.0)));
    assert!(matches!(early[5], AsDouble(v) if (0.0..1.0).contains(&v)));
}

#[test]
fn bodies_share_out_the_series_and_come_round_again() {
    let mut body = body("--items-per-body 50 --metrics 5 --series 150 --services 2");
    let mut series = BTreeSet::new();
    for number in 0..3 {
        let request = decode(body.fill(number, moment(number)));
        series.extend(pods(&request));
        let service = &request.resource_metrics[0].resource.as_ref().unwrap().attributes[0];
        let name = string(service.value.as_ref().unwrap().value.as_ref().unwrap());
        assert_eq!(name, format!("service-{:04}", number % 2));
    }
    assert_eq!(series.len(), 150);
    assert!(series.contains("000000000000008f"));
    let again = decode(body.fill(3, moment(9)));
    assert!(pods(&again).iter().all(|pod| series.contains(pod)));
}

#[test]
fn churn_begins_new_series_in_its_share_of_the_points() {
    let mut first = body("--items-per-body 50 --metrics 5 --series 50 --churn 0.1");
    let mut second = first.clone();
    let lasting: BTreeSet<_> = (0..50_u64).map(|n| format!("{n:016x}")).collect();
    let mut fresh = BTreeSet::new();
    for sender in [&mut first, &mut second] {
        for number in 0..3 {
            let request = decode(sender.fill(number, moment(number)));
            fresh.extend(pods(&request).into_iter().filter(|pod| !lasting.contains(pod)));
        }
    }
    assert_eq!(fresh.len(), 2 * 3 * 5);
}
