//! Scenario: what readers ask, answered as bytes and block by block.
//! Guarantees: parameters are data, limits hold, queries end when nobody waits for them, and nothing of one is left for the next.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_select::concat::concat_batches;
use telemetryflow::platform::clickhouse::embedded::{EmbeddedStore, QueryLimits};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{CancelToken, Rows, Select, Store, StoreErrorKind, parameters};
use telemetryflow::telemetry::schema::MIGRATIONS;

use super::{open, options, select};

/// With its answer written out, and block by block.
fn either_way(select: Select<'_>) -> [Select<'_>; 2] {
    [select, Select { large: true, ..select }]
}

#[test]
fn parameters_are_data_and_readers_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    migrate(&store, MIGRATIONS).unwrap();
    let hostile = "'; DROP TABLE x -- {y:Identifier} \\' ` \t\n\r\\N ü";
    let parameters = [
        parameters::text("text", hostile),
        parameters::texts("texts", &[hostile, "", "b\0"]),
        parameters::number("number", 2.5),
    ];
    let asked = "SELECT {text:String} AS t, {number:Float64} * 2 AS n, {texts:Array(String)} AS ts";
    for select in either_way(Select::new(asked, &parameters)) {
        let rows = store.select(&select).unwrap();
        assert_eq!(rows.batches[0].column(0).as_string::<i32>().value(0), hostile);
        assert_eq!(rows.batches[0].column(1).as_primitive::<Float64Type>().value(0), 5.0);

        let texts = rows.batches[0].column(2).as_list::<i32>().value(0);
        let texts: Vec<&str> = texts.as_string::<i32>().iter().map(Option::unwrap).collect();
        assert_eq!(texts, [hostile, "", "b\0"]);
    }

    for forbidden in [
        "DROP TABLE telemetryflow.metric_samples",
        "SET readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT number FROM numbers(2000000) WHERE NOT ignore(number) FORMAT Null",
    ] {
        for select in either_way(Select::new(forbidden, &[])) {
            assert!(store.select(&select).is_err(), "{forbidden}");
        }
    }
    for select in either_way(Select::new("SELECT match('a', '(')", &[])) {
        let bad_pattern = store.select(&select).unwrap_err();
        assert_eq!(bad_pattern.kind, StoreErrorKind::Value, "{bad_pattern}");
    }
}

/// *Scenario*: answers of no row, of many blocks, and one that breaks off behind the first of them.
/// *Guarantees*: a large answer is the same as any other, and a connection is good for the next one whatever became of it.
#[test]
fn a_large_answer_is_what_any_other_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let of = |sql: &str, large| store.select(&Select { large, ..Select::new(sql, &[]) });
    for sql in [
        "SELECT number, toString(number) AS text FROM numbers(10) WHERE number > 10",
        "SELECT number, toInt16(number % 99) AS short, number % 2 = 0 AS flag, toLowCardinality(toString(number % 7)) AS word, \
         [number, 1] AS list, number / 3 AS share FROM numbers(300000) ORDER BY number",
    ] {
        let (whole, large) = (of(sql, false).unwrap(), of(sql, true).unwrap());
        let rows = |rows: &Rows| rows.batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!(rows(&whole), rows(&large), "{sql}");
        assert_eq!(large.rows_read, rows(&large) as u64);
        if let (Some(first), Some(last)) = (whole.batches.first(), whole.batches.last()) {
            let all = concat_batches(&first.schema(), &whole.batches).unwrap();
            let blocks = concat_batches(&large.batches[0].schema(), &large.batches).unwrap();
            assert!(last.num_rows() == 0 || large.batches.len() > 1, "one block only");
            assert_eq!(all.columns(), blocks.columns(), "{sql}");
        }
        let broken = of("SELECT throwIf(number = 250000), number FROM numbers(300000)", true).unwrap_err();
        assert!(broken.detail.contains("throwIf"), "{broken}");
    }
}

/// *Scenario*: a query of hours, of which nobody waits for the answer any more; and one that was given up before it began.
/// *Guarantees*: it has ended when `select` returns, which is soon, and its connection is good for the next one.
#[test]
fn a_query_ends_soon_after_it_was_cancelled() {
    const ENDLESS: &str = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000000)";
    const RUNNING: &str = "SELECT count() AS running FROM system.processes WHERE query LIKE '%sipHash64(n%'";
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.query_limits.rows_max = 1 << 50;
    options.query_limits.time_max = Duration::from_secs(600);
    let store = EmbeddedStore::open(&options).unwrap();
    let running = || {
        let rows = select(&store, RUNNING);
        rows.batches[0].column(0).as_primitive::<UInt64Type>().value(0)
    };
    for endless in either_way(Select::new(ENDLESS, &[])) {
        let token = CancelToken::default();
        let endless = endless.until(&token);
        std::thread::scope(|threads| {
            let query = threads.spawn(|| store.select(&endless));
            let deadline = Instant::now() + Duration::from_secs(60);
            while running() < 2 && !query.is_finished() {
                assert!(
                    Instant::now() < deadline,
                    "the query is seen at work, and the one that looks for it"
                );
            }
            token.cancel();
            let error = query.join().unwrap().unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Cancelled, "{error}");
        });
        assert_eq!(running(), 1, "only the one that looks");
        let error = store.select(&endless).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Cancelled, "{error}");
    }
    let other = CancelToken::default();
    assert!(store.select(&Select::new("SELECT 1", &[]).until(&other)).is_ok());
}

/// *Guarantees*: what a query held when it was refused is free again, though nothing else is asked on its connection.
#[test]
fn a_query_that_passes_its_limit_holds_no_memory_afterwards() {
    const MEMORY: &str = "SELECT toUInt64(sum(memory_usage)) AS bytes FROM system.processes";
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.query_limits =
        QueryLimits { memory_bytes_max: 64 << 20, rows_max: 1 << 40, ..options.query_limits };
    let store = EmbeddedStore::open(&options).unwrap();
    for select in either_way(Select::new("SELECT uniqExact(number) FROM numbers(100000000)", &[])) {
        let error = store.select(&select).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Limit, "{error}");
        let held = self::select(&store, MEMORY).batches[0].column(0).as_primitive::<UInt64Type>().value(0);
        assert!(held < 16 << 20, "{held} bytes");
    }
}
