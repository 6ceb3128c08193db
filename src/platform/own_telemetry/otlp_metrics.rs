//! The server's own counters as a request of OTLP (opentelemetry-proto 1.x, `metrics/v1`).

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::exposition::{Exposed, Sample};

/// From when on was counted, and when this was read: nanoseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub since: u64,
    pub at: u64,
}

/// One request with every metric that has a value.
pub fn request(
    metrics: &[Exposed<'_>],
    resource: &[(&str, String)],
    counted: Counted,
) -> ExportMetricsServiceRequest {
    let metrics = metrics.iter().filter_map(|metric| as_metric(metric, counted)).collect();
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let attributes = resource.iter().map(|(key, value)| attribute(key, value)).collect();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    }
}

fn as_metric(metric: &Exposed<'_>, counted: Counted) -> Option<Metric> {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match metric.kind {
        "counter" => Data::Sum(Sum {
            data_points: numbers(metric, "_total", counted),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        "gauge" => Data::Gauge(Gauge { data_points: numbers(metric, "", counted) }),
        "histogram" => Data::Histogram(Histogram {
            data_points: histograms(metric, counted),
            aggregation_temporality: cumulative,
        }),
        _ => return None,
    };
    let unit = match metric.unit {
        "seconds" => "s",
        "bytes" => "By",
        "" => "1",
        other => other,
    };
    Some(Metric {
        name: metric.name.to_owned(),
        description: metric.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    })
    .filter(|_| !metric.samples.is_empty())
}

fn numbers(metric: &Exposed<'_>, suffix: &str, counted: Counted) -> Vec<NumberDataPoint> {
    let samples = metric.samples.iter().filter(|sample| sample.suffix == suffix);
    let point = |sample: &Sample<'_>| NumberDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: counted.since,
        time_unix_nano: counted.at,
        value: Some(Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    };
    samples.map(point).collect()
}

/// Buckets of an exposition hold all that is not above their bound; those of OTLP what is between two.
fn histograms(metric: &Exposed<'_>, counted: Counted) -> Vec<HistogramDataPoint> {
    let mut points: BTreeMap<Vec<(&str, &str)>, HistogramDataPoint> = BTreeMap::new();
    for sample in &metric.samples {
        let own: Vec<_> = sample
            .labels
            .iter()
            .filter(|(name, _)| *name != "le")
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let point = points.entry(own).or_insert_with(|| HistogramDataPoint {
            attributes: attributes(sample),
            start_time_unix_nano: counted.since,
            time_unix_nano: counted.at,
            ..HistogramDataPoint::default()
        });
        let bound = sample.labels.iter().find(|(name, _)| *name == "le").map(|(_, bound)| bound.as_str());
        match (sample.suffix, bound) {
            ("_sum", _) => point.sum = Some(sample.value),
            ("_count", _) => point.count = whole(sample.value),
            ("_bucket", Some(bound)) => {
                let below: u64 = point.bucket_counts.iter().sum();
                point.bucket_counts.push(whole(sample.value).saturating_sub(below));
                point.explicit_bounds.extend(bound.parse::<f64>().ok().filter(|bound| bound.is_finite()));
            }
            _ => {}
        }
    }
    points.into_values().collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, as the exposition writes it"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn attributes(sample: &Sample<'_>) -> Vec<KeyValue> {
    let own = sample.labels.iter().filter(|(name, _)| *name != "le");
    own.map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::read;
    use super::*;

    const TEXT: &str = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
        a_seconds_sum{r=\"x\"} 2.5\na_seconds_count{r=\"x\"} 5\n\
        a_seconds_bucket{le=\"1.0\",r=\"x\"} 3\na_seconds_bucket{le=\"2.0\",r=\"x\"} 3\na_seconds_bucket{le=\"+Inf\",r=\"x\"} 5\n\
        # HELP b Things.\n# TYPE b counter\nb_total 7\n# HELP c Level.\n# TYPE c gauge\nc -2\n# HELP d None.\n# TYPE d gauge\n# EOF\n";

    fn metrics() -> Vec<Metric> {
        let counted = Counted { since: 1, at: 2 };
        let mut request = request(&read(TEXT), &[("service.name", "telemetryflow".to_owned())], counted);
        let resource = request.resource_metrics.remove(0);
        assert_eq!(resource.resource.unwrap().attributes[0].key, "service.name");
        resource.scope_metrics.into_iter().next().unwrap().metrics
    }

    #[test]
    fn counters_gauges_and_histograms_keep_what_they_say_and_empty_ones_are_left_out() {
        let metrics = metrics();
        let names: Vec<_> =
            metrics.iter().map(|metric| (metric.name.as_str(), metric.unit.as_str())).collect();
        assert_eq!(names, [("a_seconds", "s"), ("b", "1"), ("c", "1")]);
        let Some(Data::Histogram(histogram)) = &metrics[0].data else { panic!("{metrics:?}") };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum), (5, Some(2.5)));
        assert_eq!((&point.bucket_counts[..], &point.explicit_bounds[..]), (&[3, 0, 2][..], &[1.0, 2.0][..]));
        assert_eq!((point.attributes.len(), point.start_time_unix_nano, point.time_unix_nano), (1, 1, 2));
        let Some(Data::Sum(sum)) = &metrics[1].data else { panic!("{metrics:?}") };
        assert!(sum.is_monotonic && sum.data_points[0].value == Some(Value::AsDouble(7.0)));
        let Some(Data::Gauge(gauge)) = &metrics[2].data else { panic!("{metrics:?}") };
        assert_eq!(gauge.data_points[0].value, Some(Value::AsDouble(-2.0)));
    }
}
