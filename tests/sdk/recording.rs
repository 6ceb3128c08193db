//! An application that records spans, log records and distributions with the SDK, and the rows that these have to be.

use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value as Json, json};

/// One attribute of each type that the API has.
fn attributes() -> Vec<KeyValue> {
    let texts = ["x", "y\""].map(StringValue::from).to_vec();
    vec![
        KeyValue::new("text", "a b/c ä€"),
        KeyValue::new("flag", true),
        KeyValue::new("smallest", i64::MIN),
        KeyValue::new("ratio", -0.1),
        KeyValue::new("texts", Value::Array(Array::String(texts))),
        KeyValue::new("flags", Value::Array(vec![true, false].into())),
        KeyValue::new("counts", Value::Array(vec![1_i64, -2].into())),
        KeyValue::new("ratios", Value::Array(vec![0.5, -1.5].into())),
    ]
}

/// Their texts.
pub fn attributes_stored() -> Json {
    json!({
        "text": "a b/c ä€", "flag": "true", "smallest": "-9223372036854775808", "ratio": "-0.1",
        "texts": r#"["x","y\""]"#, "flags": "[true,false]", "counts": "[1,-2]", "ratios": "[0.5,-1.5]",
    })
}

fn resource(service: &str) -> Resource {
    let attributes = attributes().into_iter().chain([KeyValue::new("service.name", service.to_owned())]);
    Resource::builder_empty().with_schema_url(attributes, "https://resource.test/schema").build()
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("tests.rust")
        .with_version("1.2.3")
        .with_schema_url("https://scope.test/schema")
        .with_attributes([KeyValue::new("team", "shop")])
        .build()
}

/// What every row of every signal bears.
pub fn origin(service: &str) -> Json {
    let mut resource = attributes_stored();
    resource["service.name"] = service.into();
    json!({
        "ResourceAttributes": resource, "ResourceSchemaUrl": "https://resource.test/schema",
        "ScopeName": "tests.rust", "ScopeVersion": "1.2.3", "ScopeSchemaUrl": "https://scope.test/schema",
        "ScopeAttributes": { "team": "shop" },
    })
}

fn at(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn remote(trace: u128, span: u64) -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "a-1")]).expect("a state");
    SpanContext::new(trace.into(), span.into(), TraceFlags::SAMPLED, true, state)
}

/// A span that came from elsewhere, with a link and events, and its child. Gives their ids, of the parent first.
pub fn send_spans(exporter: SpanExporter, service: &str, start: u64) -> [SpanId; 2] {
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(service)).build();
    let tracer = provider.tracer_with_scope(scope());
    let caller = Context::new().with_remote_span_context(remote(0xA1, 0xB2));
    let mut order = tracer
        .span_builder("POST /orders")
        .with_kind(SpanKind::Server)
        .with_start_time(at(start))
        .with_attributes(attributes())
        .with_links(vec![Link::new(remote(0xC3, 0xD4), vec![KeyValue::new("why", "cart")], 0)])
        .start_with_context(&tracer, &caller);
    order.add_event_with_timestamp("retry", at(start + 1), vec![KeyValue::new("attempt", 2)]);
    order.set_status(Status::error("deadlock"));
    let within = Context::new().with_remote_span_context(order.span_context().clone());
    let mut insert =
        tracer.span_builder("insert").with_start_time(at(start + 2)).start_with_context(&tracer, &within);
    insert.set_status(Status::Ok);
    insert.end_with_timestamp(at(start + 3));
    order.end_with_timestamp(at(start + 1_000_000_007));
    let ids = [&order, &insert].map(|span| span.span_context().span_id());
    provider.force_flush().expect("the server takes the spans");
    provider.shutdown().expect("the exporter stops");
    ids
}

/// A record with all that it can have, and one of each type of body.
pub fn send_logs(exporter: LogExporter, service: &str, time: u64) {
    let provider =
        SdkLoggerProvider::builder().with_batch_exporter(exporter).with_resource(resource(service)).build();
    let logger = provider.logger_with_scope(scope());
    let mut record = logger.create_log_record();
    record.set_event_name("order.placed");
    record.set_timestamp(at(time));
    record.set_observed_timestamp(at(time + 1));
    record.set_severity_number(Severity::Warn2);
    record.set_severity_text("WARNING");
    record.set_body("order 7 placed".into());
    record.set_trace_context(TraceId::from(0xA1), SpanId::from(0xB2), Some(TraceFlags::SAMPLED));
    record.add_attribute("bytes", AnyValue::Bytes(Box::new(vec![0, 255])));
    record.add_attribute("map", map());
    record.add_attribute("smallest", i64::MIN);
    logger.emit(record);
    for (at_least, (body, ..)) in (2..).zip(bodies()) {
        let mut record = logger.create_log_record();
        record.set_timestamp(at(time + at_least));
        record.set_observed_timestamp(at(time + at_least));
        record.set_body(body);
        logger.emit(record);
    }
    provider.force_flush().expect("the server takes the records");
    provider.shutdown().expect("the exporter stops");
}

fn map() -> AnyValue {
    AnyValue::Map(Box::new([(Key::from("a"), AnyValue::Int(1))].into()))
}

/// Bodies, each with its text and type.
pub fn bodies() -> Vec<(AnyValue, &'static str, &'static str)> {
    vec![
        (AnyValue::Int(i64::MIN), "-9223372036854775808", "int"),
        (AnyValue::Double(-0.1), "-0.1", "double"),
        (AnyValue::Boolean(true), "true", "bool"),
        (AnyValue::Bytes(Box::new(vec![0, 255])), "AP8=", "bytes"),
        (AnyValue::ListAny(Box::new(vec!["x".into(), AnyValue::Int(2)])), r#"["x",2]"#, "array"),
        (map(), r#"{"a":1}"#, "map"),
    ]
}

/// Eight values, far apart and on both sides of zero, twice.
pub fn send_histograms(exporter: MetricExporter, service: &str) {
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(3_600)).build();
    let exponential = |instrument: &Instrument| {
        let aggregation =
            Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 0, record_min_max: true };
        let named = instrument.name() == "exponential";
        named.then(|| Stream::builder().with_aggregation(aggregation).build().expect("a stream"))
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_resource(resource(service))
        .with_view(exponential)
        .build();
    let meter = provider.meter_with_scope(scope());
    let explicit =
        meter.f64_histogram("explicit").with_unit("s").with_boundaries(vec![0.0, 1.0, 10.0]).build();
    let exponential = meter.f64_histogram("exponential").with_description("Doubling").build();
    for _ in 0..2 {
        for value in [-6.0, 0.0, 0.5, 0.75, 3.0, 3.5, 100.0, 1000.0] {
            explicit.record(value, &attributes());
            exponential.record(value, &[]);
        }
        provider.force_flush().expect("the server takes the points");
    }
    provider.shutdown().expect("the exporter stops");
}
