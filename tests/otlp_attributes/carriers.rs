//! Requests with the same attributes at every place that OTLP has for attributes, and the columns in which these are then found.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, NumberDataPoint, ResourceMetrics, ScopeMetrics, exemplar,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use crate::support::otlp::{gauge, int, moment};

/// Names of the places, and statements that read the maps there.
pub const COLUMNS: [(&str, &str); 14] = [
    ("resource of metrics", "SELECT resource_attributes AS map FROM telemetryflow.metric_series"),
    ("scope of metrics", "SELECT scope_attributes AS map FROM telemetryflow.metric_series"),
    ("metadata", "SELECT metadata AS map FROM telemetryflow.metric_series"),
    ("point", "SELECT attributes AS map FROM telemetryflow.metric_series"),
    ("exemplar", "SELECT attributes[1] AS map FROM telemetryflow.metric_exemplars"),
    ("resource of logs", "SELECT ResourceAttributes AS map FROM telemetryflow.otel_logs"),
    ("scope of logs", "SELECT ScopeAttributes AS map FROM telemetryflow.otel_logs"),
    ("log record", "SELECT LogAttributes AS map FROM telemetryflow.otel_logs"),
    ("resource of spans", "SELECT ResourceAttributes AS map FROM telemetryflow.otel_traces"),
    ("scope of spans", "SELECT ScopeAttributes AS map FROM telemetryflow.otel_traces"),
    ("span", "SELECT SpanAttributes AS map FROM telemetryflow.otel_traces"),
    ("event", "SELECT Events.Attributes[1] AS map FROM telemetryflow.otel_traces"),
    ("link", "SELECT Links.Attributes[1] AS map FROM telemetryflow.otel_traces"),
    ("view", "SELECT Attributes AS map FROM telemetryflow.otel_metrics_gauge"),
];

pub fn everywhere(
    attributes: &[KeyValue],
) -> (ExportMetricsServiceRequest, ExportLogsServiceRequest, ExportTraceServiceRequest) {
    let attributes = attributes.to_vec();
    let resource = Some(Resource { attributes: attributes.clone(), ..Resource::default() });
    let scope =
        Some(InstrumentationScope { attributes: attributes.clone(), ..InstrumentationScope::default() });
    let scope_metrics =
        ScopeMetrics { scope: scope.clone(), metrics: vec![metric(&attributes)], ..ScopeMetrics::default() };
    let metrics = ResourceMetrics {
        resource: resource.clone(),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    };
    let scope_logs =
        ScopeLogs { scope: scope.clone(), log_records: vec![record(&attributes)], ..ScopeLogs::default() };
    let logs =
        ResourceLogs { resource: resource.clone(), scope_logs: vec![scope_logs], ..ResourceLogs::default() };
    let scope_spans = ScopeSpans { scope, spans: vec![span(&attributes)], ..ScopeSpans::default() };
    let spans = ResourceSpans { resource, scope_spans: vec![scope_spans], ..ResourceSpans::default() };
    (
        ExportMetricsServiceRequest { resource_metrics: vec![metrics] },
        ExportLogsServiceRequest { resource_logs: vec![logs] },
        ExportTraceServiceRequest { resource_spans: vec![spans] },
    )
}

fn metric(attributes: &[KeyValue]) -> opentelemetry_proto::tonic::metrics::v1::Metric {
    let exemplar = Exemplar {
        filtered_attributes: attributes.to_vec(),
        time_unix_nano: moment(),
        value: Some(exemplar::Value::AsInt(1)),
        ..Exemplar::default()
    };
    let point =
        NumberDataPoint { attributes: attributes.to_vec(), exemplars: vec![exemplar], ..int(moment(), 1) };
    let mut metric = gauge("attributes", vec![point]);
    metric.metadata = attributes.to_vec();
    metric
}

fn record(attributes: &[KeyValue]) -> LogRecord {
    LogRecord { time_unix_nano: moment(), attributes: attributes.to_vec(), ..LogRecord::default() }
}

fn span(attributes: &[KeyValue]) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano: moment(),
        end_time_unix_nano: moment(),
        attributes: attributes.to_vec(),
        events: vec![Event { attributes: attributes.to_vec(), ..Event::default() }],
        links: vec![Link { attributes: attributes.to_vec(), ..Link::default() }],
        ..Span::default()
    }
}
