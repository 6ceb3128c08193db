//! Scenario: the official OpenTelemetry SDK for Rust exports every kind of number that it has, plain and packed, as
//! cumulative and as delta sums; in `sdk/` the other signals, and requests that are refused.
//! Guarantees: every exported value of every series is read back exactly, with its kind, unit, service and labels.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task ends with its test")]

#[path = "sdk/exporters.rs"]
mod exporters;
#[path = "sdk/front.rs"]
mod front;
#[path = "sdk/recording.rs"]
mod recording;
#[path = "sdk/retries.rs"]
mod retries;
#[path = "sdk/signals.rs"]
mod signals;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use exporters::{Target, WIRES, Wire};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use serde_json::Value;
use support::otlp::{SECOND, now};
use support::server::folder;
use support::{Server, encoded};

const SERVICE: &str = "checkout";
/// Beyond 2^53 a double would lose the last digits.
const LARGE: i64 = (1 << 53) + 1;

fn target(server: &Server) -> Target {
    Target { http: server.otlp, grpc: server.grpc }
}

/// Exports when the test asks for it, not before.
fn provider(exporter: MetricExporter) -> SdkMeterProvider {
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(3_600)).build();
    let resource = Resource::builder_empty().with_service_name(SERVICE).build();
    SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build()
}

fn method(name: &'static str) -> [KeyValue; 1] {
    [KeyValue::new("method", name)]
}

fn observe(meter: &Meter) {
    meter
        .u64_observable_counter("observed.counter")
        .with_callback(|to| to.observe(17, &method("GET")))
        .build();
    meter
        .f64_observable_counter("observed.amount")
        .with_callback(|to| to.observe(0.1, &method("GET")))
        .build();
    meter
        .i64_observable_up_down_counter("observed.level")
        .with_callback(|to| to.observe(-5, &method("GET")))
        .build();
    meter
        .f64_observable_gauge("observed.gauge")
        .with_callback(|to| to.observe(21.25, &method("GET")))
        .build();
}

fn record(meter: &Meter) {
    let orders = meter.u64_counter("orders").with_unit("{order}").with_description("Orders placed").build();
    orders.add(3, &method("POST"));
    orders.add(4, &method("PUT"));
    meter.f64_counter("revenue").with_unit("EUR").build().add(12.75, &method("POST"));
    let queue = meter.i64_up_down_counter("queue/length").with_unit("1").build();
    queue.add(9, &method("POST"));
    queue.add(-11, &method("POST"));
    meter.f64_up_down_counter("balance").build().add(-0.125, &method("POST"));
    meter.f64_gauge("temperature").with_unit("Cel").build().record(-3.5, &method("POST"));
    meter.i64_gauge("serial").build().record(LARGE, &method("POST"));
    meter.u64_gauge("count").build().record(7, &method("POST"));
}

/// Name, kind, unit, and of each series its label and its values of two exports as cumulative and as delta sums.
type Row = (&'static str, &'static str, &'static str, Vec<(&'static str, [Value; 2], [Value; 2])>);

/// What `record` before each of two exports comes to.
fn expected() -> Vec<Row> {
    let sums =
        |label, first: f64| (label, [first, 2.0 * first].map(Value::from), [first, first].map(Value::from));
    let level = |label, value: f64| (label, [value; 2].map(Value::from), [value; 2].map(Value::from));
    let observed = |label, value: f64| (label, [value; 2].map(Value::from), [value, 0.0].map(Value::from));
    let serial = [Value::from(LARGE), Value::from(LARGE)];
    vec![
        ("orders", "sum", "{order}", vec![sums("POST", 3.0), sums("PUT", 4.0)]),
        ("revenue", "sum", "EUR", vec![sums("POST", 12.75)]),
        // Up-down counters stay cumulative also where counters are sent as deltas.
        (
            "queue/length",
            "sum",
            "1",
            vec![("POST", [-2.0, -4.0].map(Value::from), [-2.0, -4.0].map(Value::from))],
        ),
        (
            "balance",
            "sum",
            "",
            vec![("POST", [-0.125, -0.25].map(Value::from), [-0.125, -0.25].map(Value::from))],
        ),
        ("temperature", "gauge", "Cel", vec![level("POST", -3.5)]),
        ("serial", "gauge", "", vec![("POST", serial.clone(), serial)]),
        ("count", "gauge", "", vec![level("POST", 7.0)]),
        ("observed.counter", "sum", "", vec![observed("GET", 17.0)]),
        ("observed.amount", "sum", "", vec![observed("GET", 0.1)]),
        ("observed.level", "sum", "", vec![level("GET", -5.0)]),
        ("observed.gauge", "gauge", "", vec![level("GET", 21.25)]),
    ]
}

/// All values of each series since `start`, in order of time.
fn stored(server: &Server, name: &str, start: u64) -> BTreeMap<String, Vec<Value>> {
    let answer = server.get(&format!(
        "/api/v2/metrics?metricName={}&aggregation=last&groupBy=method&interval=10ms&start={start}&end={}",
        encoded(name),
        start + 100 * SECOND
    ));
    assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    let answer = answer.json();
    let values = |series: &Value| -> Vec<Value> {
        series["values"]
            .as_array()
            .expect("values")
            .iter()
            .filter(|value| !value.is_null())
            .cloned()
            .collect()
    };
    let label = |series: &Value| series["labels"]["method"].as_str().expect("a label").to_owned();
    answer["series"].as_array().expect("series").iter().map(|s| (label(s), values(s))).collect()
}

#[test]
fn every_number_that_the_sdk_exports_is_read_back() {
    // The gRPC exporter works on whatever runtime it was made in.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let wires: [(Wire, Temporality); 5] = [
        (WIRES[0], Temporality::Cumulative),
        (WIRES[1], Temporality::Cumulative),
        (WIRES[1], Temporality::Delta),
        (WIRES[2], Temporality::Cumulative),
        (WIRES[3], Temporality::Delta),
    ];
    for (wire, temporality) in wires {
        let what = format!("{wire:?}, {temporality:?}");
        let folder = folder();
        let server = Server::start(&folder, "");
        let start = now();
        let provider = provider(wire.metrics(target(&server), temporality));
        let meter = provider.meter("tests.rust");
        observe(&meter);
        for _ in 0..2 {
            record(&meter);
            provider.force_flush().expect("the server takes it");
        }

        let rows = expected();
        let points: u64 = rows.iter().map(|(.., series)| 2 * series.len() as u64).sum();
        assert_eq!(server.measured("telemetryflow_ingest_items_stored_total", &[]), points, "{what}");
        let catalogue = server.get("/api/v2/metrics").json();
        assert_eq!(catalogue["metrics"].as_array().map(Vec::len), Some(rows.len()), "{what}");
        for (name, kind, unit, series) in rows {
            let values = series.iter().map(|(label, cumulative, delta)| {
                let values = if temporality == Temporality::Delta { delta } else { cumulative };
                ((*label).to_owned(), values.to_vec())
            });
            assert_eq!(stored(&server, name, start), values.collect(), "{what}: {name}");
            let metrics = catalogue["metrics"].as_array().expect("metrics");
            let listed = metrics.iter().find(|metric| metric["name"] == name).expect(name);
            assert_eq!(
                (&listed["type"], &listed["unit"]),
                (&Value::from(kind), &Value::from(unit)),
                "{what}: {name}"
            );
            assert_eq!(listed["services"], serde_json::json!([SERVICE]), "{what}: {name}");
            assert_eq!(listed["seriesCount"], series.len(), "{what}: {name}");
        }
        provider.shutdown().expect("the exporter stops");
        assert!(server.stop().status.success());
    }
}
