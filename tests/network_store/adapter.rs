//! *Scenario*: the adapter alone before an engine: values, failures, cancelled queries, servers that are not there.
//! *Guarantees*: each failure is of the kind that says what to do about it, a query that was given up ends at the engine, and another
//! server is asked when one does not answer.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use secrecy::SecretString;
use telemetryflow::platform::clickhouse::deployment::Deployment;
use telemetryflow::platform::clickhouse::embedded::QueryLimits;
use telemetryflow::platform::clickhouse::network::{Endpoint, NetworkOptions, NetworkStore, Trust};
use telemetryflow::platform::clickhouse::{CancelToken, Select, Store, StoreErrorKind, parameters};
use tempfile::TempDir;

use crate::support::engine::Engine;
use crate::support::eventually;
use crate::support::server::{Server, folder};

const PATIENCE: Duration = Duration::from_secs(30);
/// Hours of work, all of it in one aggregation.
const ENDLESS: &str = "SELECT sum(sipHash64(number)) AS sum FROM numbers(1000000000000)";
const RUNNING: &str = "telemetryflow_sql_statements_running";

fn engine() -> (TempDir, Engine) {
    let folder = folder();
    let engine = Engine::start(folder.path(), 0);
    (folder, engine)
}

fn options(urls: &[String]) -> NetworkOptions {
    NetworkOptions {
        endpoints: urls.iter().map(|url| Endpoint::parse(url).expect(url).0).collect(),
        user: Some("node".to_owned()),
        password: Some(SecretString::from("write-secret")),
        trust: Trust::System,
        deployment: Deployment::default(),
        query_limits: QueryLimits {
            time_max: Duration::from_secs(60),
            memory_bytes_max: 1 << 30,
            rows_max: 1_000_000_000_000_000,
        },
    }
}

fn store(engine: &Engine) -> NetworkStore {
    NetworkStore::new(&options(&[format!("http://{}", engine.address())])).expect("an adapter")
}

fn kind(store: &NetworkStore, sql: &str) -> StoreErrorKind {
    store.select(&Select::new(sql, &[])).expect_err(sql).kind
}

#[test]
fn values_are_bound_and_failures_sorted() {
    let (_folder, engine) = engine();
    let store = store(&engine);
    let hostile = "it's \\ \"x\"\t\n{a:String}; DROP TABLE b --\u{e4}";
    let bound = [
        parameters::text("text", hostile),
        parameters::number("n", 41),
        parameters::texts("all", &["a'b", "c,d"]),
    ];
    let rows = store.select(&Select::new(
        "SELECT {n:UInt64} + 1 AS n, {text:String} AS text, length({all:Array(String)}) AS count",
        &bound,
    ));
    let rows = rows.expect("an answer");
    let batch = rows.batches.first().expect("a batch");
    assert_eq!(batch.column(0).as_primitive::<UInt64Type>().value(0), 42);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), hostile);
    let counted =
        store.select(&Select::new("SELECT count() AS n FROM numbers(1000) WHERE NOT ignore(number)", &[]));
    assert_eq!(counted.expect("an answer").rows_read, 1_000);
    let text = store.read_as("SELECT 1 AS a", "JSONEachRow").expect("an answer");
    assert_eq!(text, b"{\"a\":1}\n");
    for (sql, expected) in [
        ("SELECT * FROM nowhere", StoreErrorKind::Unprepared),
        ("SELECT a", StoreErrorKind::Refused),
        ("SELECT match('a', '[')", StoreErrorKind::Value),
        ("SELECT * FROM numbers(1000000000000000000) ORDER BY number DESC", StoreErrorKind::Limit),
        ("SELECT repeat('x', 1000000) FROM numbers(1000)", StoreErrorKind::Limit),
    ] {
        assert_eq!(kind(&store, sql), expected, "{sql}");
    }
    let wrong = NetworkOptions {
        password: Some(SecretString::from("guess")),
        ..options(&[format!("http://{}", engine.address())])
    };
    assert_eq!(kind(&NetworkStore::new(&wrong).expect("an adapter"), "SELECT 1"), StoreErrorKind::Unprepared);
    assert!(!format!("{wrong:?} {store:?}").contains("guess"));
}

#[test]
fn a_query_that_is_given_up_ends_at_the_engine() {
    let (_folder, engine) = engine();
    let store = store(&engine);
    let Engine::Own(server) = &engine else { panic!("an engine of our own") };
    let running = |server: &Server| server.measured(RUNNING, &[]);
    let cancel = CancelToken::default();
    thread::scope(|scope| {
        let query = scope.spawn(|| store.select(&Select::new(ENDLESS, &[]).until(&cancel)));
        eventually("the query runs", PATIENCE, || (running(server) == 1).then_some(()));
        cancel.cancel();
        let failed = query.join().expect("no panic").expect_err("it was cancelled");
        assert_eq!(failed.kind, StoreErrorKind::Cancelled);
    });
    assert_eq!(running(server), 0, "it has ended when the call returns");
    let late = store.select(&Select::new("SELECT 1", &[]).until(&cancel));
    assert_eq!(late.expect_err("nobody waits").kind, StoreErrorKind::Cancelled);
}

#[test]
fn another_server_is_asked_when_one_does_not_answer() {
    let (_folder, engine) = engine();
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let (closed, open) = (format!("http://{closed}"), format!("http://{}", engine.address()));
    let store = NetworkStore::new(&options(&[closed.clone(), open])).expect("an adapter");
    store.execute("CREATE TABLE telemetryflow.a (n UInt8) ENGINE = Memory").expect("the second one");
    assert!(store.select(&Select::new("SELECT 1", &[])).is_ok());
    let alone = NetworkStore::new(&options(&[closed])).expect("an adapter");
    assert_eq!(kind(&alone, "SELECT 1"), StoreErrorKind::Unavailable);
    assert_eq!(alone.execute("SELECT 1").expect_err("nobody").kind, StoreErrorKind::Unavailable);
}
