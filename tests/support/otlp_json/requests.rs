//! The messages of the three signals as JSON objects.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{EntityRef, InstrumentationScope};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
    exemplar, exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span};

use super::{Members, Writer};

const TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
const SPAN_KINDS: [&str; 3] = ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER"];
const STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
const SEVERITIES: [&str; 3] =
    ["SEVERITY_NUMBER_UNSPECIFIED", "SEVERITY_NUMBER_TRACE", "SEVERITY_NUMBER_TRACE2"];

impl Writer {
    fn resource(&mut self, resource: &Resource) -> String {
        let mut members = Members::default();
        members
            .add("attributes", self.attributes(&resource.attributes))
            .add("droppedAttributesCount", self.whole(resource.dropped_attributes_count))
            .add("entityRefs", self.messages(&resource.entity_refs, Self::entity_ref));
        self.object(members)
    }

    fn entity_ref(&mut self, entity: &EntityRef) -> String {
        let mut members = Members::default();
        members
            .add("schemaUrl", self.text(&entity.schema_url))
            .add("type", self.text(&entity.r#type))
            .add("idKeys", self.array(&entity.id_keys, |writer, key| writer.text(key)))
            .add("descriptionKeys", self.array(&entity.description_keys, |writer, key| writer.text(key)));
        self.object(members)
    }

    fn scope(&mut self, scope: &InstrumentationScope) -> String {
        let mut members = Members::default();
        members
            .add("name", self.text(&scope.name))
            .add("version", self.text(&scope.version))
            .add("attributes", self.attributes(&scope.attributes))
            .add("droppedAttributesCount", self.whole(scope.dropped_attributes_count));
        self.object(members)
    }

    /// What surrounds a list of scopes or of items.
    fn envelope(
        &mut self,
        about: Option<(&'static str, String)>,
        list: (&'static str, String),
        schema_url: &str,
    ) -> String {
        let mut members = Members::default();
        if let Some((name, value)) = about {
            members.add(name, value);
        }
        members.add(list.0, list.1).add("schemaUrl", self.text(schema_url));
        self.object(members)
    }

    pub fn metrics(&mut self, request: &ExportMetricsServiceRequest) -> String {
        let resources = self.messages(&request.resource_metrics, |writer, resource| {
            let scopes = writer.messages(&resource.scope_metrics, |writer, scope| {
                let about = scope.scope.as_ref().map(|about| ("scope", writer.scope(about)));
                let metrics = writer.messages(&scope.metrics, Self::metric);
                writer.envelope(about, ("metrics", metrics), &scope.schema_url)
            });
            let about = resource.resource.as_ref().map(|about| ("resource", writer.resource(about)));
            writer.envelope(about, ("scopeMetrics", scopes), &resource.schema_url)
        });
        let mut members = Members::default();
        members.add("resourceMetrics", resources);
        self.object(members)
    }

    fn metric(&mut self, metric: &Metric) -> String {
        let mut members = Members {
            either: &["gauge", "sum", "histogram", "exponentialHistogram", "summary"],
            ..Members::default()
        };
        members
            .add("name", self.text(&metric.name))
            .add("description", self.text(&metric.description))
            .add("unit", self.text(&metric.unit))
            .add("metadata", self.attributes(&metric.metadata));
        let mut kind = Members::default();
        let name = match &metric.data {
            None => return self.object(members),
            Some(Data::Gauge(gauge)) => {
                kind.add("dataPoints", self.messages(&gauge.data_points, Self::number_point));
                "gauge"
            }
            Some(Data::Sum(sum)) => {
                kind.add("dataPoints", self.messages(&sum.data_points, Self::number_point))
                    .add(
                        "aggregationTemporality",
                        self.enumeration(sum.aggregation_temporality, &TEMPORALITIES),
                    )
                    .add("isMonotonic", sum.is_monotonic.to_string());
                "sum"
            }
            Some(Data::Histogram(histogram)) => {
                let temporality = self.enumeration(histogram.aggregation_temporality, &TEMPORALITIES);
                kind.add("dataPoints", self.messages(&histogram.data_points, Self::histogram_point))
                    .add("aggregationTemporality", temporality);
                "histogram"
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let temporality = self.enumeration(histogram.aggregation_temporality, &TEMPORALITIES);
                kind.add("dataPoints", self.messages(&histogram.data_points, Self::exponential_point))
                    .add("aggregationTemporality", temporality);
                "exponentialHistogram"
            }
            Some(Data::Summary(summary)) => {
                kind.add("dataPoints", self.messages(&summary.data_points, Self::summary_point));
                "summary"
            }
        };
        let kind = self.object(kind);
        members.add(name, kind);
        self.object(members)
    }

    fn number_point(&mut self, point: &NumberDataPoint) -> String {
        let mut members = Members { either: &["asDouble", "asInt"], ..Members::default() };
        members
            .add("attributes", self.attributes(&point.attributes))
            .add("startTimeUnixNano", self.whole(point.start_time_unix_nano))
            .add("timeUnixNano", self.whole(point.time_unix_nano))
            .add("exemplars", self.messages(&point.exemplars, Self::exemplar))
            .add("flags", self.whole(point.flags));
        match point.value {
            None => {}
            Some(number_data_point::Value::AsDouble(value)) => {
                _ = members.add("asDouble", self.double(value));
            }
            Some(number_data_point::Value::AsInt(value)) => _ = members.add("asInt", self.whole(value)),
        }
        self.object(members)
    }

    fn exemplar(&mut self, exemplar: &Exemplar) -> String {
        let mut members = Members { either: &["asDouble", "asInt"], ..Members::default() };
        members
            .add("filteredAttributes", self.attributes(&exemplar.filtered_attributes))
            .add("timeUnixNano", self.whole(exemplar.time_unix_nano))
            .add("spanId", self.id(&exemplar.span_id))
            .add("traceId", self.id(&exemplar.trace_id));
        match exemplar.value {
            None => {}
            Some(exemplar::Value::AsDouble(value)) => _ = members.add("asDouble", self.double(value)),
            Some(exemplar::Value::AsInt(value)) => _ = members.add("asInt", self.whole(value)),
        }
        self.object(members)
    }

    fn optional(&mut self, members: &mut Members, values: [(&'static str, Option<f64>); 3]) {
        for (name, value) in values {
            if let Some(value) = value {
                members.add(name, self.double(value));
            }
        }
    }

    fn histogram_point(&mut self, point: &HistogramDataPoint) -> String {
        let mut members = Members::default();
        members
            .add("attributes", self.attributes(&point.attributes))
            .add("startTimeUnixNano", self.whole(point.start_time_unix_nano))
            .add("timeUnixNano", self.whole(point.time_unix_nano))
            .add("count", self.whole(point.count))
            .add("bucketCounts", self.array(&point.bucket_counts, |writer, count| writer.whole(*count)))
            .add("explicitBounds", self.array(&point.explicit_bounds, |writer, bound| writer.double(*bound)))
            .add("exemplars", self.messages(&point.exemplars, Self::exemplar))
            .add("flags", self.whole(point.flags));
        self.optional(&mut members, [("sum", point.sum), ("min", point.min), ("max", point.max)]);
        self.object(members)
    }

    fn exponential_point(&mut self, point: &ExponentialHistogramDataPoint) -> String {
        let mut members = Members::default();
        members
            .add("attributes", self.attributes(&point.attributes))
            .add("startTimeUnixNano", self.whole(point.start_time_unix_nano))
            .add("timeUnixNano", self.whole(point.time_unix_nano))
            .add("count", self.whole(point.count))
            .add("scale", self.whole(point.scale))
            .add("zeroCount", self.whole(point.zero_count))
            .add("flags", self.whole(point.flags))
            .add("exemplars", self.messages(&point.exemplars, Self::exemplar))
            .add("zeroThreshold", self.double(point.zero_threshold));
        for (name, buckets) in [("positive", &point.positive), ("negative", &point.negative)] {
            if let Some(buckets) = buckets {
                members.add(name, self.buckets(buckets));
            }
        }
        self.optional(&mut members, [("sum", point.sum), ("min", point.min), ("max", point.max)]);
        self.object(members)
    }

    fn buckets(&mut self, buckets: &Buckets) -> String {
        let mut members = Members::default();
        members
            .add("offset", self.whole(buckets.offset))
            .add("bucketCounts", self.array(&buckets.bucket_counts, |writer, count| writer.whole(*count)));
        self.object(members)
    }

    fn summary_point(&mut self, point: &SummaryDataPoint) -> String {
        let quantiles = self.messages(&point.quantile_values, |writer, at| {
            let mut members = Members::default();
            members.add("quantile", writer.double(at.quantile)).add("value", writer.double(at.value));
            writer.object(members)
        });
        let mut members = Members::default();
        members
            .add("attributes", self.attributes(&point.attributes))
            .add("startTimeUnixNano", self.whole(point.start_time_unix_nano))
            .add("timeUnixNano", self.whole(point.time_unix_nano))
            .add("count", self.whole(point.count))
            .add("sum", self.double(point.sum))
            .add("quantileValues", quantiles)
            .add("flags", self.whole(point.flags));
        self.object(members)
    }

    pub fn logs(&mut self, request: &ExportLogsServiceRequest) -> String {
        let resources = self.messages(&request.resource_logs, |writer, resource| {
            let scopes = writer.messages(&resource.scope_logs, |writer, scope| {
                let about = scope.scope.as_ref().map(|about| ("scope", writer.scope(about)));
                let records = writer.messages(&scope.log_records, Self::record);
                writer.envelope(about, ("logRecords", records), &scope.schema_url)
            });
            let about = resource.resource.as_ref().map(|about| ("resource", writer.resource(about)));
            writer.envelope(about, ("scopeLogs", scopes), &resource.schema_url)
        });
        let mut members = Members::default();
        members.add("resourceLogs", resources);
        self.object(members)
    }

    fn record(&mut self, record: &LogRecord) -> String {
        let mut members = Members::default();
        members
            .add("timeUnixNano", self.whole(record.time_unix_nano))
            .add("observedTimeUnixNano", self.whole(record.observed_time_unix_nano))
            .add("severityNumber", self.enumeration(record.severity_number, &SEVERITIES))
            .add("severityText", self.text(&record.severity_text))
            .add("attributes", self.attributes(&record.attributes))
            .add("droppedAttributesCount", self.whole(record.dropped_attributes_count))
            .add("flags", self.whole(record.flags))
            .add("traceId", self.id(&record.trace_id))
            .add("spanId", self.id(&record.span_id))
            .add("eventName", self.text(&record.event_name));
        if let Some(body) = &record.body {
            members.add("body", self.value(body));
        }
        self.object(members)
    }

    pub fn traces(&mut self, request: &ExportTraceServiceRequest) -> String {
        let resources = self.messages(&request.resource_spans, |writer, resource| {
            let scopes = writer.messages(&resource.scope_spans, |writer, scope| {
                let about = scope.scope.as_ref().map(|about| ("scope", writer.scope(about)));
                let spans = writer.messages(&scope.spans, Self::span);
                writer.envelope(about, ("spans", spans), &scope.schema_url)
            });
            let about = resource.resource.as_ref().map(|about| ("resource", writer.resource(about)));
            writer.envelope(about, ("scopeSpans", scopes), &resource.schema_url)
        });
        let mut members = Members::default();
        members.add("resourceSpans", resources);
        self.object(members)
    }

    fn span(&mut self, span: &Span) -> String {
        let mut members = Members::default();
        members
            .add("traceId", self.id(&span.trace_id))
            .add("spanId", self.id(&span.span_id))
            .add("traceState", self.text(&span.trace_state))
            .add("parentSpanId", self.id(&span.parent_span_id))
            .add("flags", self.whole(span.flags))
            .add("name", self.text(&span.name))
            .add("kind", self.enumeration(span.kind, &SPAN_KINDS))
            .add("startTimeUnixNano", self.whole(span.start_time_unix_nano))
            .add("endTimeUnixNano", self.whole(span.end_time_unix_nano))
            .add("attributes", self.attributes(&span.attributes))
            .add("droppedAttributesCount", self.whole(span.dropped_attributes_count))
            .add("events", self.messages(&span.events, Self::event))
            .add("droppedEventsCount", self.whole(span.dropped_events_count))
            .add("links", self.messages(&span.links, Self::link))
            .add("droppedLinksCount", self.whole(span.dropped_links_count));
        if let Some(status) = &span.status {
            let mut about = Members::default();
            about
                .add("message", self.text(&status.message))
                .add("code", self.enumeration(status.code, &STATUS_CODES));
            members.add("status", self.object(about));
        }
        self.object(members)
    }

    fn event(&mut self, event: &span::Event) -> String {
        let mut members = Members::default();
        members
            .add("timeUnixNano", self.whole(event.time_unix_nano))
            .add("name", self.text(&event.name))
            .add("attributes", self.attributes(&event.attributes))
            .add("droppedAttributesCount", self.whole(event.dropped_attributes_count));
        self.object(members)
    }

    fn link(&mut self, link: &span::Link) -> String {
        let mut members = Members::default();
        members
            .add("traceId", self.id(&link.trace_id))
            .add("spanId", self.id(&link.span_id))
            .add("traceState", self.text(&link.trace_state))
            .add("attributes", self.attributes(&link.attributes))
            .add("droppedAttributesCount", self.whole(link.dropped_attributes_count))
            .add("flags", self.whole(link.flags));
        self.object(members)
    }
}
