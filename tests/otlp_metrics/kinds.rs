//! Metrics of each kind, with as few words as tests need.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Summary, SummaryDataPoint, metric::Data,
};

use crate::support::otlp::{DELTA, gauge, int, metric, moment, sum};

pub fn histogram(count: u64, counts: &[u64], bounds: &[f64]) -> Metric {
    let point = HistogramDataPoint {
        time_unix_nano: moment(),
        count,
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    let data_points = vec![point];
    metric("distribution", Data::Histogram(Histogram { data_points, aggregation_temporality: DELTA }))
}

pub fn exponential(
    count: u64,
    scale: i32,
    zero_count: u64,
    positive: Option<Buckets>,
    negative: Option<Buckets>,
) -> Metric {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: moment(),
        count,
        scale,
        zero_count,
        positive,
        negative,
        ..ExponentialHistogramDataPoint::default()
    };
    let data_points = vec![point];
    let data =
        Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: DELTA });
    metric("distribution", data)
}

pub fn summary(quantiles: &[f64]) -> Metric {
    let values = quantiles.iter().map(|quantile| ValueAtQuantile { quantile: *quantile, value: 1.0 });
    let point = SummaryDataPoint {
        time_unix_nano: moment(),
        quantile_values: values.collect(),
        ..SummaryDataPoint::default()
    };
    metric("distribution", Data::Summary(Summary { data_points: vec![point] }))
}

/// A good point of each kind, but for its time and its flags.
pub fn of_every_kind(name: &str, temporality: i32, time: u64, flags: u32) -> [Metric; 5] {
    let number = NumberDataPoint { flags, ..int(time, 1) };
    let mut all = [
        gauge(name, vec![number.clone()]),
        sum(name, temporality, true, vec![number]),
        histogram(1, &[1, 0], &[1.0]),
        exponential(1, 0, 1, None, None),
        summary(&[0.5]),
    ];
    for metric in &mut all {
        metric.name = name.to_owned();
        match metric.data.as_mut() {
            Some(Data::Histogram(data)) => {
                data.aggregation_temporality = temporality;
                (data.data_points[0].time_unix_nano, data.data_points[0].flags) = (time, flags);
            }
            Some(Data::ExponentialHistogram(data)) => {
                data.aggregation_temporality = temporality;
                (data.data_points[0].time_unix_nano, data.data_points[0].flags) = (time, flags);
            }
            Some(Data::Summary(data)) => {
                (data.data_points[0].time_unix_nano, data.data_points[0].flags) = (time, flags);
            }
            Some(Data::Gauge(_) | Data::Sum(_)) | None => {}
        }
    }
    all
}

/// Whether metrics of this kind have a temporality.
pub fn adds_up(metric: &Metric) -> bool {
    !matches!(metric.data, Some(Data::Gauge(_) | Data::Summary(_)))
}
