//! Scenario: random requests of all three signals, with items that are good, remarkable or bad, are sent as protobuf and as
//! JSON over HTTP and over gRPC, each way by a tenant of its own.
//! Guarantees: the three answers are the same, and so are the rows that each tenant then has.
//!
//! The seed is printed; `TELEMETRYFLOW_TEST_SEED` repeats it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::panic, reason = "a test ends where something is missing")]
#![allow(clippy::print_stderr, reason = "the seed is for whoever reads a failure")]

mod support;

#[path = "support/any_otlp.rs"]
mod any_otlp;
#[path = "support/every_kind.rs"]
mod every_kind;
#[path = "three_encodings/settled.rs"]
mod settled;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use any_otlp::Maker;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use settled::Settle;
use support::Server;
use support::every_way::{Export, Exporter, Way};
use support::server::{folder, program};
use support::tables;

/// Of each of the four kinds of requests.
const REQUESTS: usize = 3;
/// So many random requests become one, as protobuf's concatenation has it.
const PARTS: usize = 16;

/// A tenant for each way, with the key that it sends with.
struct Tenant {
    name: &'static str,
    way: Way,
    bearer: String,
    section: String,
}

impl Tenant {
    fn new(name: &'static str, way: Way) -> Self {
        let arguments = ["create-key", "--id", name, "--tenant", name, "--role", "ingest"];
        let output = program().args(arguments).output().expect("the program runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let (token, rest) = text.split_once('\n').expect("a line with the key");
        let (_, section) = rest.split_once("[keys.").expect("a section");
        Self { name, way, bearer: format!("Bearer {token}"), section: format!("[keys.{section}") }
    }
}

fn seed() -> u64 {
    let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
    let seed = given
        .map_or_else(|| RandomState::new().build_hasher().finish(), |text| text.parse().expect("a number"));
    eprintln!("TELEMETRYFLOW_TEST_SEED={seed}");
    seed
}

/// How many of the answers rejected something, and warned of something.
#[derive(Debug, Default)]
struct Tally {
    rejected: usize,
    warned: usize,
}

fn send<E: Export>(exporter: &mut Exporter, tenants: &[Tenant; 3], parts: &[E], tally: &mut Tally) {
    // As it stands in protobuf, which has no -0.0 in most of its fields.
    let bytes: Vec<u8> = parts.iter().flat_map(E::encode_to_vec).collect();
    let request = E::decode(&*bytes).expect("a request");
    let said = tenants
        .each_ref()
        .map(|tenant| exporter.send(tenant.way, &request, &[("authorization", tenant.bearer.as_str())]));
    for (tenant, other) in tenants.iter().zip(&said) {
        assert_eq!(*other, said[0], "{:?}: {request:?}", tenant.way);
    }
    tally.rejected += usize::from(said[0].rejected > 0);
    tally.warned += usize::from(said[0].message.contains("warning: "));
}

/// Every row of every table as its tenant, the name of the table and a text. The views hold the points of all tables with
/// what their series are; a series' number depends on its tenant.
fn statement() -> String {
    let kinds = ["gauge", "sum", "histogram", "exponential_histogram", "summary"];
    let views = kinds.map(|kind| (format!("otel_metrics_{kind}"), "Tenant", "* EXCEPT Tenant"));
    let tables = [
        ("metric_series FINAL", "tenant", "* EXCEPT (tenant, series_id)"),
        (
            "otel_logs",
            "Tenant",
            "* EXCEPT (Tenant, trace_id, span_id, body_template, body_values), TraceId, SpanId, Body",
        ),
        (
            "otel_traces FINAL",
            "Tenant",
            "* EXCEPT (Tenant, trace_id, span_id, parent_span_id), TraceId, SpanId, ParentSpanId",
        ),
        ("trace_index FINAL", "Tenant", "TraceId, Start, End"),
    ];
    let tables = tables.map(|(table, tenant, columns)| (table.to_owned(), tenant, columns));
    let selects = views.into_iter().chain(tables).map(|(table, tenant, columns)| {
        format!(
            "SELECT toString({tenant}), '{table}', formatRow('TSV', {columns}) FROM telemetryflow.{table}"
        )
    });
    selects.collect::<Vec<_>>().join(" UNION ALL ")
}

/// The rows of a tenant, sorted.
fn of(tenant: &str, rows: &[Value]) -> Vec<Value> {
    let own = rows.iter().filter(|row| row[0] == tenant);
    let mut own: Vec<Value> = own.map(|row| serde_json::json!([row[1], row[2]])).collect();
    own.sort_by_key(Value::to_string);
    own
}

#[test]
fn a_request_is_answered_and_stored_alike_in_all_three_encodings() {
    let seed = seed();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4)),
    );
    let mut random = fastrand::Rng::with_seed(seed);
    let tenants = [
        Tenant::new("protobuf", Way::HttpProtobuf),
        Tenant::new("json", Way::HttpJson),
        Tenant::new("grpc", Way::Grpc),
    ];
    let sections = tenants.each_ref().map(|tenant| tenant.section.as_str()).join("\n");
    let folder = folder();
    let server = Server::start(&folder, &format!("[ingest]\nbatch_age_max = \"1ms\"\n{sections}"));
    let mut exporter = Exporter::open(&server, seed);
    let (mut maker, mut settle) = (Maker(random.fork()), Settle::new(random.fork()));
    let mostly_good = every_kind::any_request();
    let mut tally = Tally::default();
    let mut good = || mostly_good.new_tree(&mut runner).expect("a request").current();
    for _ in 0..REQUESTS {
        send(&mut exporter, &tenants, &[(); PARTS].map(|()| settle.metrics(good())), &mut tally);
        send(&mut exporter, &tenants, &[(); PARTS].map(|()| settle.metrics(maker.metrics())), &mut tally);
        send(&mut exporter, &tenants, &[(); PARTS].map(|()| settle.logs(maker.logs())), &mut tally);
        send(&mut exporter, &tenants, &[(); PARTS].map(|()| settle.traces(maker.traces())), &mut tally);
    }
    assert!(tally.rejected > REQUESTS && tally.warned > REQUESTS, "not enough of a kind: {tally:?}");
    assert!(server.stop().status.success());
    let rows = tables::rows(&folder, &statement());
    let [first, others @ ..] = tenants.each_ref().map(|tenant| of(tenant.name, &rows));
    for (tenant, other) in tenants[1..].iter().zip(&others) {
        for (found, expected) in other.iter().zip(&first) {
            assert_eq!(found, expected, "{:?}", tenant.way);
        }
        assert_eq!(other.len(), first.len(), "{:?}", tenant.way);
    }
    let tables: BTreeSet<&str> = first.iter().filter_map(|row| row[0].as_str()).collect();
    assert_eq!(tables.len(), 9, "every table has rows: {tables:?}");
}
