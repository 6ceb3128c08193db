//! Scenario: between the official SDK for Rust and a server something turns requests away, or the server itself does.
//! Guarantees: what was refused for the moment is stored once; what is too large, and what is taken in part, is sent once.

use std::time::{Duration, SystemTime};

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
use opentelemetry::trace::{Span, SpanBuilder, TracerProvider};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::exporters::{Target, WIRES};
use super::front::Front;
use super::recording::{bodies, send_histograms, send_logs, send_spans};
use super::support::Server;
use super::support::otlp::ten_minutes_ago;
use super::support::server::{folder, rows};
use super::target;

#[test]
fn what_was_refused_twice_for_the_moment_is_stored_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    for wire in WIRES {
        let folder = folder();
        let server = Server::start(&folder, "");
        let front = runtime.block_on(Front::before(target(&server), 2));
        let to = Target { http: front.address, grpc: front.address };
        send_spans(wire.spans(to), "shop", ten_minutes_ago());
        assert_eq!(front.requests(), 3, "{wire:?}");
        send_logs(wire.logs(to), "shop", ten_minutes_ago());
        assert_eq!(front.requests(), 6, "{wire:?}");
        send_histograms(wire.metrics(to, Temporality::Cumulative), "shop");
        // Exported twice, and once more when the provider is shut down.
        assert_eq!(front.requests(), 6 + 2 + 3, "{wire:?}");
        assert!(server.stop().status.success());
        let counts = rows(
            &folder,
            "SELECT (SELECT count() FROM telemetryflow.otel_traces) AS spans, \
             (SELECT count() FROM telemetryflow.otel_logs) AS records, \
             (SELECT count() FROM telemetryflow.metric_histograms) AS points",
        );
        let records = 1 + bodies().len();
        assert_eq!(counts, [serde_json::json!({ "spans": 2, "records": records, "points": 3 })], "{wire:?}");
    }
}

#[test]
fn what_is_too_large_is_sent_once_and_the_application_hears_of_it() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let folder = folder();
    let server = Server::start(&folder, "[ingest]\nbody_bytes_max = \"1MiB\"");
    for wire in WIRES {
        let front = runtime.block_on(Front::before(target(&server), 0));
        let to = Target { http: front.address, grpc: front.address };
        let provider = SdkLoggerProvider::builder().with_batch_exporter(wire.logs(to)).build();
        let logger = provider.logger("tests.rust");
        let mut record = logger.create_log_record();
        let body: String =
            (0..200_000_u64).map(|n| format!("{:08x}", n.wrapping_mul(0x9E37_79B9) >> 8)).collect();
        record.set_body(body.into());
        logger.emit(record);
        assert!(provider.force_flush().is_err(), "{wire:?}");
        assert_eq!(front.requests(), 1, "{wire:?}");
        let _ = provider.shutdown();
    }
    assert_eq!(server.measured("telemetryflow_ingest_items_stored_total", &[]), 0);
}

#[test]
fn what_is_taken_in_part_is_sent_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let folder = folder();
    let server = Server::start(&folder, "");
    for (taken, wire) in (1..).zip(WIRES) {
        let front = runtime.block_on(Front::before(target(&server), 0));
        let to = Target { http: front.address, grpc: front.address };
        let provider = SdkTracerProvider::builder().with_batch_exporter(wire.spans(to)).build();
        let tracer = provider.tracer("tests.rust");
        // The first one began in 1970, which the server rejects.
        let early = SystemTime::UNIX_EPOCH + Duration::from_nanos(1);
        SpanBuilder::from_name("early").with_start_time(early).start(&tracer).end();
        SpanBuilder::from_name("good").start(&tracer).end();
        provider.force_flush().expect("the request is taken");
        assert_eq!(front.requests(), 1, "{wire:?}");
        assert_eq!(server.measured("telemetryflow_ingest_items_stored_total", &[]), taken, "{wire:?}");
        provider.shutdown().expect("the exporter stops");
    }
    let listed = server.get("/api/v2/ingest/rejections").json();
    assert_eq!(listed["rejections"].as_array().map(Vec::len), Some(WIRES.len()));
}
