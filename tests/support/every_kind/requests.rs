//! Random requests: metrics of every kind with every field, most of them good.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// 2026-11-18, in nanoseconds since the epoch.
pub const NOW: u64 = 1_795_000_000_000_000_000;

fn key_value(key: &str, value: Option<Any>) -> KeyValue {
    let value = value.map(|value| AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

prop_compose! {
    fn any_attribute()(key in "[a-c]{0,2}", kind in 0..5, text in "\\PC{0,8}", number in any::<i64>()) -> KeyValue {
        let value = match kind {
            0 => None,
            1 => Some(Any::IntValue(number)),
            2 => Some(Any::BoolValue(number > 0)),
            3 => Some(Any::ArrayValue(ArrayValue { values: vec![AnyValue { value: None }; 2] })),
            _ => Some(Any::StringValue(text)),
        };
        key_value(&key, value)
    }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(any_attribute(), 0..4)
}

fn any_double() -> impl Strategy<Value = f64> {
    let special = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 5e-324];
    prop_oneof![4 => any::<f64>(), 1 => proptest::sample::select(special)]
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![6 => NOW..NOW + 1_000, 1 => Just(0), 1 => any::<u64>()]
}

fn any_flags() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(0), 1 => 0_u32..4]
}

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..300, 1 => any::<u64>()]
}

/// Often nothing, sometimes of the wrong length, sometimes zero.
fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(Vec::new()),
        1 => Just(vec![0; length]),
        1 => vec(any::<u8>(), 0..20),
        4 => vec(any::<u8>(), length)
    ]
}

prop_compose! {
    fn any_exemplar()(
        filtered_attributes in attributes(), time in any_time(), trace_id in id(16), span_id in id(8),
        value in option::weighted(0.9, prop_oneof![
            any_double().prop_map(exemplar::Value::AsDouble), any::<i64>().prop_map(exemplar::Value::AsInt)
        ]),
    ) -> Exemplar {
        Exemplar { filtered_attributes, time_unix_nano: time, span_id, trace_id, value }
    }
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    prop_oneof![2 => Just(Vec::new()), 1 => vec(any_exemplar(), 0..4)]
}

fn any_value() -> impl Strategy<Value = Option<number_data_point::Value>> {
    use number_data_point::Value::{AsDouble, AsInt};
    prop_oneof![
        Just(None),
        any_double().prop_map(|value| Some(AsDouble(value))),
        any::<i64>().prop_map(|value| Some(AsInt(value))),
        (0_i64..100).prop_map(|value| Some(AsInt(value))),
    ]
}

prop_compose! {
    fn number_point()(
        attributes in attributes(), time in any_time(), start in any_time(), value in any_value(),
        flags in any_flags(), exemplars in exemplars(),
    ) -> NumberDataPoint {
        NumberDataPoint {
            attributes, start_time_unix_nano: start, time_unix_nano: time, value, flags, exemplars,
        }
    }
}

/// Mostly the sum of the counts.
fn told(counts: &[u64], off: u64) -> u64 {
    counts.iter().copied().fold(off, u64::wrapping_add)
}

fn off() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0), 1 => any::<u64>()]
}

/// Mostly as many as there are counts less one, and in order.
fn bounds(counts: usize) -> impl Strategy<Value = Vec<f64>> {
    let ordered = vec(any_double(), counts.saturating_sub(1)).prop_map(|mut bounds| {
        bounds.retain(|bound| !bound.is_nan() && *bound != 0.0);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        bounds
    });
    let even = (any::<f32>(), 0.5_f64..3.0).prop_map(move |(first, width)| {
        let first = f64::from(first % 1_000.0);
        std::iter::successors(Some(first), |before| Some(before + width))
            .take(counts.saturating_sub(1))
            .collect()
    });
    prop_oneof![5 => even, 2 => ordered, 1 => vec(any_double(), 0..4)]
}

prop_compose! {
    fn histogram_point()(counts in vec(any_count(), 0..6))(
        bounds in bounds(counts.len()), counts in Just(counts), off in off(),
        attributes in attributes(), time in any_time(), start in any_time(), flags in any_flags(),
        exemplars in exemplars(), sum in option::of(any_double()), min in option::of(any_double()),
        max in option::of(any_double()),
    ) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes, start_time_unix_nano: start, time_unix_nano: time, count: told(&counts, off), sum,
            bucket_counts: counts, explicit_bounds: bounds, exemplars, flags, min, max,
        }
    }
}

fn buckets() -> impl Strategy<Value = Option<Buckets>> {
    let offset = prop_oneof![6 => -2_000..2_000, 1 => any::<i32>(), 1 => i32::MAX - 5..=i32::MAX];
    option::of(
        (offset, vec(any_count(), 0..6))
            .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }),
    )
}

prop_compose! {
    fn exponential_point()(
        scale in prop_oneof![6 => -11..=20, 1 => any::<i32>(), 1 => 50..55],
        zero_count in any_count(), zero_threshold in any_double(), positive in buckets(), negative in buckets(),
        off in off(), attributes in attributes(), time in any_time(), start in any_time(), flags in any_flags(),
        exemplars in exemplars(),
        (sum, min, max) in (option::of(any_double()), option::of(any_double()), option::of(any_double())),
    ) -> ExponentialHistogramDataPoint {
        let counts = [&positive, &negative].into_iter().flatten().flat_map(|side| side.bucket_counts.clone());
        let count = told(&counts.collect::<Vec<_>>(), zero_count.wrapping_add(off));
        ExponentialHistogramDataPoint {
            attributes, start_time_unix_nano: start, time_unix_nano: time, count, sum, scale, zero_count,
            positive, negative, flags, exemplars, min, max, zero_threshold,
        }
    }
}

prop_compose! {
    fn summary_point()(
        quantiles in vec((prop_oneof![8 => 0.0..=1.0, 1 => any_double()], any_double()), 0..4),
        attributes in attributes(), time in any_time(), start in any_time(), flags in any_flags(),
        count in any_count(), sum in any_double(),
    ) -> SummaryDataPoint {
        let quantile_values = quantiles.into_iter().map(|(quantile, value)| ValueAtQuantile { quantile, value });
        SummaryDataPoint {
            attributes, start_time_unix_nano: start, time_unix_nano: time, count, sum,
            quantile_values: quantile_values.collect(), flags,
        }
    }
}

fn temporality() -> impl Strategy<Value = i32> {
    prop_oneof![8 => 1..=2, 1 => 0..4]
}

fn any_data() -> impl Strategy<Value = Option<Data>> {
    prop_oneof![
        4 => vec(number_point(), 0..5).prop_map(|data_points| Some(Data::Gauge(Gauge { data_points }))),
        4 => (vec(number_point(), 0..5), temporality(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Some(Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic }))
            }
        ),
        4 => (vec(histogram_point(), 0..5), temporality()).prop_map(|(data_points, aggregation_temporality)| {
            Some(Data::Histogram(Histogram { data_points, aggregation_temporality }))
        }),
        4 => (vec(exponential_point(), 0..5), temporality()).prop_map(|(data_points, aggregation_temporality)| {
            Some(Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality }))
        }),
        4 => vec(summary_point(), 0..5).prop_map(|data_points| Some(Data::Summary(Summary { data_points }))),
        1 => Just(None),
    ]
}

prop_compose! {
    fn any_metric()(
        name in "[m-o]{0,2}", data in any_data(), unit in "[a-z]{0,2}", description in "\\PC{0,5}",
        metadata in attributes(),
    ) -> Metric {
        Metric { name, unit, description, data, metadata }
    }
}

prop_compose! {
    fn any_scope()(
        scope in option::of(("[a-z]{0,3}", "[0-9]{0,2}", attributes(), 0_u32..3)),
        metrics in vec(any_metric(), 0..4), schema_url in "[a-z]{0,3}",
    ) -> ScopeMetrics {
        let scope = scope.map(|(name, version, attributes, dropped_attributes_count)| {
            InstrumentationScope { name, version, attributes, dropped_attributes_count }
        });
        ScopeMetrics { scope, metrics, schema_url }
    }
}

prop_compose! {
    fn any_resource()(
        service in option::of("[s-u]{0,2}"), others in attributes(), dropped in 0_u32..3,
        scope_metrics in vec(any_scope(), 0..3), schema_url in "[a-z]{0,3}",
    ) -> ResourceMetrics {
        let resource = service.map(|service| {
            let mut attributes = others;
            attributes.push(key_value("service.name", Some(Any::StringValue(service))));
            Resource { attributes, dropped_attributes_count: dropped, ..Resource::default() }
        });
        ResourceMetrics { resource, scope_metrics, schema_url }
    }
}

pub fn any_request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    vec(any_resource(), 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}
