//! Makes random requests acceptable for the most part: times of late, ids of the right length, distributions that add up.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::support::otlp::{SECOND, ten_minutes_ago};

pub struct Settle {
    random: fastrand::Rng,
    /// The latest of all times.
    latest: u64,
}

impl Settle {
    pub fn new(random: fastrand::Rng) -> Self {
        Self { random, latest: ten_minutes_ago() }
    }

    fn seldom(&mut self) -> bool {
        self.random.u8(..8) == 0
    }

    /// Within three seconds, so that some meet: the same series and time twice is one point.
    fn time(&mut self, time: &mut u64) {
        if !self.seldom() {
            *time = self.latest - self.random.u64(..300) * (SECOND / 100);
        }
    }

    fn start(&mut self, start: &mut u64) {
        if self.random.bool() {
            *start = self.latest - self.random.u64(..600) * (SECOND / 100);
        }
    }

    fn id(&mut self, id: &mut Vec<u8>, length: usize) {
        if !self.seldom() {
            id.resize(length, 7);
        }
    }

    pub fn metrics(&mut self, mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            if metric.name.is_empty() && !self.seldom() {
                metric.name = format!("m{}", self.random.u8(..5));
            }
            if let Some(data) = &mut metric.data {
                self.points(data);
            }
        }
        request
    }

    fn points(&mut self, data: &mut Data) {
        macro_rules! settle {
            ($points:expr) => {
                for point in $points {
                    self.time(&mut point.time_unix_nano);
                    self.start(&mut point.start_time_unix_nano);
                }
            };
        }
        match data {
            Data::Gauge(data) => settle!(&mut data.data_points),
            Data::Sum(data) => settle!(&mut data.data_points),
            Data::Histogram(data) => settle!(&mut data.data_points),
            Data::ExponentialHistogram(data) => {
                settle!(&mut data.data_points);
                data.data_points.iter_mut().for_each(|point| self.add_up(point));
            }
            Data::Summary(data) => settle!(&mut data.data_points),
        }
    }

    /// What is random only seldom adds up.
    fn add_up(&mut self, point: &mut ExponentialHistogramDataPoint) {
        if self.random.bool() {
            return;
        }
        point.scale %= 10;
        point.zero_count %= 100;
        point.count = point.zero_count;
        for buckets in [&mut point.positive, &mut point.negative].into_iter().flatten() {
            buckets.offset /= 2;
            buckets.bucket_counts.iter_mut().for_each(|count| *count %= 100);
            point.count += buckets.bucket_counts.iter().sum::<u64>();
        }
    }

    pub fn logs(&mut self, mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
        let scopes = request.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            self.time(&mut record.time_unix_nano);
            // Without any time a record gets that of its receipt, which differs.
            if record.time_unix_nano == 0 && record.observed_time_unix_nano == 0 {
                record.observed_time_unix_nano = self.latest;
            }
            self.id(&mut record.trace_id, 16);
            self.id(&mut record.span_id, 8);
        }
        request
    }

    pub fn traces(&mut self, mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
        let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            self.time(&mut span.start_time_unix_nano);
            if !self.seldom() {
                span.end_time_unix_nano = span.start_time_unix_nano.saturating_add(self.random.u64(..SECOND));
            }
            self.id(&mut span.trace_id, 16);
            self.id(&mut span.span_id, 8);
            self.id(&mut span.parent_span_id, 8);
        }
        request
    }
}
