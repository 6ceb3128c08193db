//! Random requests of the three signals as prost's messages, with every field of the definitions. It knows no type of the
//! program, so that tests within it and around it can use it.
#![allow(clippy::indexing_slicing, reason = "of lists of a known length")]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

/// Makes messages out of a seed.
pub struct Maker(pub fastrand::Rng);

impl Maker {
    fn some<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.0.usize(..4)).map(|_| make(self)).collect()
    }

    fn maybe<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Option<T> {
        (self.0.u8(..4) != 0).then(|| make(self))
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 9] = ["a", "", "é", "\"", "\\", "\n", "😀", "\0", "service.name"];
        let length = if self.0.u8(..20) == 0 { 300 } else { self.0.usize(..4) };
        (0..length).map(|_| PARTS[self.0.usize(..PARTS.len())]).collect()
    }

    fn id(&mut self) -> Vec<u8> {
        const LENGTHS: [usize; 5] = [0, 8, 16, 16, 3];
        (0..LENGTHS[self.0.usize(..5)]).map(|_| self.0.u8(..)).collect()
    }

    fn unsigned(&mut self) -> u64 {
        [0, 1, 1_000, u64::MAX, (1 << 53) + 1, self.0.u64(..) >> self.0.u8(..64)][self.0.usize(..6)]
    }

    fn signed(&mut self) -> i64 {
        [0, -1, i64::MIN, i64::MAX, self.unsigned().cast_signed(), -50_000][self.0.usize(..6)]
    }

    fn small(&mut self) -> u32 {
        [0, 1, u32::MAX, self.0.u32(..)][self.0.usize(..4)]
    }

    fn small_signed(&mut self) -> i32 {
        [0, 1, -1, i32::MIN, i32::MAX, self.0.i32(..)][self.0.usize(..6)]
    }

    fn enum_number(&mut self) -> i32 {
        if self.0.u8(..5) == 0 { self.small_signed() } else { self.0.i32(..3) }
    }

    fn double(&mut self) -> f64 {
        let random = f64::from_bits(self.0.u64(..));
        let random = if random.is_nan() { 0.1 } else { random };
        [0.0, -0.0, 1.5, -3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, random][self.0.usize(..8)]
    }

    fn value(&mut self, depth: usize) -> AnyValue {
        let kinds = if depth < 4 { 9 } else { 6 };
        let value = match self.0.u8(..kinds) {
            0 => None,
            1 => Some(Any::StringValue(self.text())),
            2 => Some(Any::BoolValue(self.0.bool())),
            3 => Some(Any::IntValue(self.signed())),
            4 => Some(Any::DoubleValue(self.double())),
            5 => Some(Any::BytesValue((0..self.0.usize(..6)).map(|_| self.0.u8(..)).collect())),
            6 => Some(Any::ArrayValue(ArrayValue { values: self.some(|maker| maker.value(depth + 1)) })),
            _ => {
                Some(Any::KvlistValue(KeyValueList { values: self.some(|maker| maker.attribute(depth + 1)) }))
            }
        };
        AnyValue { value }
    }

    fn attribute(&mut self, depth: usize) -> KeyValue {
        KeyValue { key: self.text(), value: self.maybe(|maker| maker.value(depth)), key_strindex: 0 }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.some(|maker| maker.attribute(0))
    }

    fn resource(&mut self) -> Resource {
        Resource {
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
            entity_refs: self.some(|maker| EntityRef {
                schema_url: maker.text(),
                r#type: maker.text(),
                id_keys: maker.some(Self::text),
                description_keys: maker.some(Self::text),
            }),
        }
    }

    fn scope(&mut self) -> InstrumentationScope {
        InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
        }
    }

    pub fn metrics(&mut self) -> ExportMetricsServiceRequest {
        let scope_metrics = |maker: &mut Self| ScopeMetrics {
            scope: maker.maybe(Self::scope),
            metrics: maker.some(Self::metric),
            schema_url: maker.text(),
        };
        let resource_metrics = |maker: &mut Self| ResourceMetrics {
            resource: maker.maybe(Self::resource),
            scope_metrics: maker.some(scope_metrics),
            schema_url: maker.text(),
        };
        ExportMetricsServiceRequest { resource_metrics: self.some(resource_metrics) }
    }

    fn metric(&mut self) -> Metric {
        let data = match self.0.u8(..6) {
            0 => None,
            1 => Some(Data::Gauge(Gauge { data_points: self.some(Self::number_point) })),
            2 => Some(Data::Sum(Sum {
                data_points: self.some(Self::number_point),
                aggregation_temporality: self.enum_number(),
                is_monotonic: self.0.bool(),
            })),
            3 => Some(Data::Histogram(Histogram {
                data_points: self.some(Self::histogram_point),
                aggregation_temporality: self.enum_number(),
            })),
            4 => Some(Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.some(Self::exponential_point),
                aggregation_temporality: self.enum_number(),
            })),
            _ => Some(Data::Summary(Summary { data_points: self.some(Self::summary_point) })),
        };
        Metric {
            name: self.text(),
            description: self.text(),
            unit: self.text(),
            metadata: self.attributes(),
            data,
        }
    }

    fn number_point(&mut self) -> NumberDataPoint {
        let value = match self.0.u8(..3) {
            0 => None,
            1 => Some(number_data_point::Value::AsDouble(self.double())),
            _ => Some(number_data_point::Value::AsInt(self.signed())),
        };
        NumberDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.unsigned(),
            time_unix_nano: self.unsigned(),
            exemplars: self.some(Self::exemplar),
            flags: self.small(),
            value,
        }
    }

    fn histogram_point(&mut self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.unsigned(),
            time_unix_nano: self.unsigned(),
            count: self.unsigned(),
            sum: self.maybe(Self::double),
            bucket_counts: self.some(Self::unsigned),
            explicit_bounds: self.some(Self::double),
            exemplars: self.some(Self::exemplar),
            flags: self.small(),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
        }
    }

    fn exponential_point(&mut self) -> ExponentialHistogramDataPoint {
        let buckets = |maker: &mut Self| Buckets {
            offset: maker.small_signed(),
            bucket_counts: maker.some(Self::unsigned),
        };
        ExponentialHistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.unsigned(),
            time_unix_nano: self.unsigned(),
            count: self.unsigned(),
            sum: self.maybe(Self::double),
            scale: self.small_signed(),
            zero_count: self.unsigned(),
            positive: self.maybe(buckets),
            negative: self.maybe(buckets),
            flags: self.small(),
            exemplars: self.some(Self::exemplar),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
            zero_threshold: self.double(),
        }
    }

    fn summary_point(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.unsigned(),
            time_unix_nano: self.unsigned(),
            count: self.unsigned(),
            sum: self.double(),
            quantile_values: self
                .some(|maker| ValueAtQuantile { quantile: maker.double(), value: maker.double() }),
            flags: self.small(),
        }
    }

    fn exemplar(&mut self) -> Exemplar {
        let value = match self.0.u8(..3) {
            0 => None,
            1 => Some(exemplar::Value::AsDouble(self.double())),
            _ => Some(exemplar::Value::AsInt(self.signed())),
        };
        Exemplar {
            filtered_attributes: self.attributes(),
            time_unix_nano: self.unsigned(),
            span_id: self.id(),
            trace_id: self.id(),
            value,
        }
    }

    pub fn logs(&mut self) -> ExportLogsServiceRequest {
        let scope_logs = |maker: &mut Self| ScopeLogs {
            scope: maker.maybe(Self::scope),
            log_records: maker.some(Self::record),
            schema_url: maker.text(),
        };
        let resource_logs = |maker: &mut Self| ResourceLogs {
            resource: maker.maybe(Self::resource),
            scope_logs: maker.some(scope_logs),
            schema_url: maker.text(),
        };
        ExportLogsServiceRequest { resource_logs: self.some(resource_logs) }
    }

    fn record(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.unsigned(),
            observed_time_unix_nano: self.unsigned(),
            severity_number: self.enum_number(),
            severity_text: self.text(),
            body: self.maybe(|maker| maker.value(0)),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
            flags: self.small(),
            trace_id: self.id(),
            span_id: self.id(),
            event_name: self.text(),
        }
    }

    pub fn traces(&mut self) -> ExportTraceServiceRequest {
        let scope_spans = |maker: &mut Self| ScopeSpans {
            scope: maker.maybe(Self::scope),
            spans: maker.some(Self::span),
            schema_url: maker.text(),
        };
        let resource_spans = |maker: &mut Self| ResourceSpans {
            resource: maker.maybe(Self::resource),
            scope_spans: maker.some(scope_spans),
            schema_url: maker.text(),
        };
        ExportTraceServiceRequest { resource_spans: self.some(resource_spans) }
    }

    fn span(&mut self) -> Span {
        let event = |maker: &mut Self| span::Event {
            time_unix_nano: maker.unsigned(),
            name: maker.text(),
            attributes: maker.attributes(),
            dropped_attributes_count: maker.small(),
        };
        let link = |maker: &mut Self| span::Link {
            trace_id: maker.id(),
            span_id: maker.id(),
            trace_state: maker.text(),
            attributes: maker.attributes(),
            dropped_attributes_count: maker.small(),
            flags: maker.small(),
        };
        Span {
            trace_id: self.id(),
            span_id: self.id(),
            trace_state: self.text(),
            parent_span_id: self.id(),
            flags: self.small(),
            name: self.text(),
            kind: self.enum_number(),
            start_time_unix_nano: self.unsigned(),
            end_time_unix_nano: self.unsigned(),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
            events: self.some(event),
            dropped_events_count: self.small(),
            links: self.some(link),
            dropped_links_count: self.small(),
            status: self.maybe(|maker| Status { message: maker.text(), code: maker.enum_number() }),
        }
    }
}
