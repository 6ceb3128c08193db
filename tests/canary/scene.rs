//! Two tenants who send the same in everything but their marks: a text, ids and a number that stand wherever something
//! can come back.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Summary, SummaryDataPoint, exemplar, metric::Data,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};

use super::support::Server;
use super::support::otlp::{CUMULATIVE, DELTA, from, gauge, int, labelled, metric, sum, text};
use super::support::signals::Tenant;

/// A service, a trace and metrics that both tenants have.
pub const SHARED: &str = "shared";
pub const SHARED_TRACE: &str = "77777777777777777777777777777777";
pub const SHARED_METRICS: [&str; 5] =
    ["shared.load", "shared.calls", "shared.sizes", "shared.spread", "shared.times"];

/// A tenant and its marks.
pub struct Side {
    pub tenant: Tenant,
    /// Part of each text that it sends.
    pub mark: &'static str,
    /// Each byte of its trace and span ids.
    byte: u8,
    /// The value of its gauges.
    number: i64,
}

impl Side {
    pub fn both() -> [Self; 2] {
        let side = |id, mark, byte, number| Self { tenant: Tenant::new(id), mark, byte, number };
        [
            side("one", "canaryqorbel7c1e", 0xa1, 31_415_926_535),
            side("other", "canaryxumdaf93b2", 0xe5, 27_182_818_284),
        ]
    }

    /// What nobody else may be told: the texts, also as a cursor writes them.
    pub fn marks(&self) -> [String; 4] {
        let hexadecimal: String = self.mark.bytes().map(|byte| format!("{byte:02x}")).collect();
        [self.mark.to_owned(), self.id(8), self.number.to_string(), hexadecimal]
    }

    pub fn id(&self, bytes: usize) -> String {
        format!("{:02x}", self.byte).repeat(bytes)
    }

    pub fn metric(&self) -> String {
        format!("{}.load", self.mark)
    }

    pub fn service(&self) -> String {
        format!("{}-shop", self.mark)
    }

    pub fn label(&self) -> String {
        format!("{}_host", self.mark)
    }

    /// Something of every kind, at a time.
    pub fn send(&self, server: &Server, time: u64) {
        for service in [self.service(), SHARED.to_owned()] {
            let metrics = from(&service, self.mark, self.metrics(time));
            self.tenant.send(server, "/v1/metrics", &metrics);
        }
        self.tenant.send(server, "/v1/logs", &self.logs(time));
        self.tenant.send(server, "/v1/traces", &self.spans(time));
    }

    fn metrics(&self, time: u64) -> Vec<Metric> {
        let exemplars = || {
            vec![Exemplar {
                filtered_attributes: vec![text("user", self.mark)],
                time_unix_nano: time,
                span_id: vec![self.byte; 8],
                trace_id: vec![self.byte; 16],
                value: Some(exemplar::Value::AsInt(self.number)),
            }]
        };
        let label = self.label();
        let number = |value| {
            let point = labelled(int(time, value), &[("host", "a"), ("who", self.mark), (&label, "x")]);
            NumberDataPoint { exemplars: exemplars(), ..point }
        };
        let attributes = || vec![text("host", "a"), text("who", self.mark)];
        let explicit = HistogramDataPoint {
            attributes: attributes(),
            time_unix_nano: time,
            count: 3,
            sum: Some(3.0),
            bucket_counts: vec![1, 2],
            explicit_bounds: vec![2.0],
            exemplars: exemplars(),
            ..HistogramDataPoint::default()
        };
        let exponential = ExponentialHistogramDataPoint {
            attributes: attributes(),
            time_unix_nano: time,
            count: 1,
            zero_count: 1,
            exemplars: exemplars(),
            ..ExponentialHistogramDataPoint::default()
        };
        let summary = SummaryDataPoint {
            attributes: attributes(),
            time_unix_nano: time,
            count: 1,
            sum: 1.0,
            ..SummaryDataPoint::default()
        };
        let aggregation_temporality = DELTA;
        let of_shape = [
            Data::Histogram(Histogram { data_points: vec![explicit], aggregation_temporality }),
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential],
                aggregation_temporality,
            }),
            Data::Summary(Summary { data_points: vec![summary] }),
        ];
        let [load, calls, shapes @ ..] = SHARED_METRICS;
        let mut metrics = vec![
            gauge(&self.metric(), vec![number(self.number)]),
            gauge(load, vec![number(self.number)]),
            sum(calls, CUMULATIVE, true, vec![number(7)]),
        ];
        metrics.extend(shapes.into_iter().zip(of_shape).map(|(name, data)| metric(name, data)));
        for metric in &mut metrics {
            (metric.unit, metric.description) = (self.mark.into(), format!("about {}", self.mark));
        }
        metrics
    }

    fn resource(&self, service: &str) -> Option<Resource> {
        let attributes = vec![text("service.name", service), text("owner", self.mark)];
        Some(Resource { attributes, ..Resource::default() })
    }

    fn scope(&self) -> Option<InstrumentationScope> {
        let (name, version) = (self.mark.to_owned(), self.mark.to_owned());
        Some(InstrumentationScope { name, version, ..InstrumentationScope::default() })
    }

    fn logs(&self, time: u64) -> ExportLogsServiceRequest {
        let record = LogRecord {
            time_unix_nano: time,
            severity_number: 17,
            severity_text: self.mark.into(),
            body: Some(AnyValue { value: Some(Any::StringValue(format!("it failed: {}", self.mark))) }),
            attributes: vec![text("user", self.mark), text(&self.label(), "x")],
            trace_id: vec![self.byte; 16],
            span_id: vec![self.byte; 8],
            event_name: self.mark.into(),
            ..LogRecord::default()
        };
        let of_service = |service: &str| ResourceLogs {
            resource: self.resource(service),
            scope_logs: vec![ScopeLogs {
                scope: self.scope(),
                log_records: vec![record.clone(), LogRecord { trace_id: vec![0x77; 16], ..record.clone() }],
                schema_url: self.mark.into(),
            }],
            schema_url: self.mark.into(),
        };
        ExportLogsServiceRequest { resource_logs: vec![of_service(&self.service()), of_service(SHARED)] }
    }

    /// Two traces, one of them with an id that the other tenant uses, too; each with a call from one service to the other.
    fn spans(&self, time: u64) -> ExportTraceServiceRequest {
        let span = |trace: u8, parent: u8, own: u8| Span {
            trace_id: vec![trace; 16],
            span_id: vec![own; 8],
            parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
            name: format!("GET {}", self.mark),
            kind: 2,
            start_time_unix_nano: time,
            end_time_unix_nano: time + 5_000_000,
            trace_state: format!("own={}", self.mark),
            attributes: vec![text("user", self.mark), text(&self.label(), "x")],
            events: vec![Event { time_unix_nano: time, name: self.mark.into(), ..Event::default() }],
            links: vec![Link {
                trace_id: vec![self.byte; 16],
                span_id: vec![self.byte; 8],
                ..Link::default()
            }],
            status: Some(Status { code: 2, message: self.mark.into() }),
            ..Span::default()
        };
        let of_service = |service: &str, spans| ResourceSpans {
            resource: self.resource(service),
            scope_spans: vec![ScopeSpans { scope: self.scope(), spans, schema_url: self.mark.into() }],
            schema_url: self.mark.into(),
        };
        let (own, child) = (self.byte, 0x55);
        let roots = vec![span(own, 0, own), span(0x77, 0, own)];
        let children = vec![span(own, own, child), span(0x77, own, child)];
        ExportTraceServiceRequest {
            resource_spans: vec![of_service(&self.service(), roots), of_service(SHARED, children)],
        }
    }
}
