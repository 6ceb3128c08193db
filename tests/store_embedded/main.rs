//! Scenario: the embedded engine as the write path uses it.
//! Guarantees: rows come back as they went in, the same token inserts once, and one folder has one owner.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

mod queries;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, OpenError, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::{Migration, MigrationError, migrate};
use telemetryflow::platform::clickhouse::{Insert, Rows, Select, Store};
use telemetryflow::shared::{
    Attribute, MetricColumns, MetricKind, NumberColumns, NumberRow, Resource, Scope, SeriesId,
    SeriesIdentity, TenantId, Timestamp, WatchId,
};
use telemetryflow::telemetry::schema::{MIGRATIONS, retain_metrics};
use telemetryflow::telemetry::stages::blocks::{self, SAMPLES_TABLE, SERIES_TABLE};
use telemetryflow::telemetry::stages::{NewSeries, PartsMetrics, PartsPressure, SeriesEntry, WireKey};

fn open(path: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(&options(path))
}

fn options(path: &Path) -> EmbeddedOptions {
    EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: path.to_owned(),
        writers: 2,
        readers: 2,
        memory_bytes_max: 4 << 30,
        query_limits: QueryLimits {
            time_max: Duration::from_secs(60),
            memory_bytes_max: 1 << 30,
            rows_max: 1_000_000,
        },
    }
}

fn select(store: &dyn Store, sql: &str) -> Rows {
    store.select(&Select::new(sql, &[])).expect(sql)
}

/// The schema's version.
const NEWEST: u32 = 7;
const NOW: i64 = 1_795_000_000_000_000_000;

/// A point of its own: of those with the same series and time only one would stay.
fn number(at: i64, value: f64, integer_rest: i16, integer: bool) -> NumberRow {
    NumberRow {
        series: SeriesId(u64::MAX),
        watch: WatchId::NONE,
        time: Timestamp::from_nanos(NOW + at),
        start: Timestamp::from_nanos(NOW),
        value,
        integer_rest,
        integer,
        flags: 0,
    }
}

fn samples() -> (Vec<i64>, Vec<f64>, MetricColumns) {
    let integers = vec![0, -1, i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1];
    let doubles = vec![0.1, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
    let mut columns = NumberColumns::new(TenantId::unnamed());
    columns.begin_run("integers", MetricKind::Gauge);
    for (at, exact) in (0..).zip(&integers) {
        let (value, rest) = NumberRow::split_integer(*exact);
        columns.push(number(at, value, rest, true));
    }
    columns.begin_run("doubles", MetricKind::Gauge);
    for (at, value) in (0..).zip(&doubles) {
        columns.push(number(at, *value, 0, false));
    }
    columns.finish();
    (integers, doubles, columns.into())
}

fn series() -> NewSeries {
    let attribute = |key: &str, value: &str| Attribute { key: key.into(), value: value.into() };
    let identity = SeriesIdentity {
        id: SeriesId(u64::MAX),
        tenant: TenantId::unnamed(),
        metric: "integers".into(),
        unit: "By".into(),
        description: "it's \\ \"quoted\"".into(),
        metadata: Arc::default(),
        kind: MetricKind::Gauge,
        resource: Arc::new(Resource {
            service: "shop".into(),
            attributes: vec![attribute("service.name", "shop")],
            ..Resource::default()
        }),
        scope: Arc::new(Scope { name: "scope".into(), version: "1".into(), ..Scope::default() }),
        attributes: vec![attribute("a", "x\ty\n"), attribute("ключ", "")],
    };
    let entry = SeriesEntry { id: identity.id, watch: WatchId::NONE };
    let seen = Timestamp::from_nanos(NOW);
    NewSeries { key: WireKey(1), entry, identity, day: seen.day(), seen: NOW }
}

#[test]
fn rows_come_back_exactly_and_the_same_token_inserts_once() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(folder.path()).unwrap());
    assert_eq!(migrate(&*store, MIGRATIONS).unwrap(), 0);
    assert_eq!(migrate(&*store, MIGRATIONS).unwrap(), NEWEST);
    retain_metrics(&*store, Duration::from_secs(86_400 * 30), Duration::from_secs(86_400 * 396)).unwrap();

    let (integers, doubles, columns) = samples();
    let block = blocks::samples(&[columns]).unwrap();
    for _ in 0..3 {
        store.insert(&Insert { table: SAMPLES_TABLE, token: "v1/a/1/samples", batch: &block }).unwrap();
    }
    let rows = select(
        &*store,
        "SELECT integer, value FROM telemetryflow.metric_samples WHERE metric = 'integers' ORDER BY rowNumberInAllBlocks()",
    );
    let mut back: Vec<i64> =
        rows.batches[0].column(0).as_primitive::<Int64Type>().iter().map(Option::unwrap).collect();
    let mut sent = integers;
    back.sort_unstable();
    sent.sort_unstable();
    assert_eq!(back, sent);
    let rows = select(
        &*store,
        "SELECT reinterpretAsUInt64(value) AS bits FROM telemetryflow.metric_samples WHERE metric = 'doubles' AND integer IS NULL",
    );
    let mut back: Vec<u64> = rows.batches[0].column(0).as_primitive::<UInt64Type>().values().to_vec();
    let mut sent: Vec<u64> = doubles.iter().map(|value| value.to_bits()).collect();
    back.sort_unstable();
    sent.sort_unstable();
    assert_eq!(back, sent);

    let block = blocks::series(&[series()]).unwrap();
    store.insert(&Insert { table: SERIES_TABLE, token: "v1/a/1/series", batch: &block }).unwrap();
    let rows = select(
        &*store,
        "SELECT description, attributes['a'] AS a, mapContains(attributes, 'ключ') AS has, toString(day) AS day, kind, temporality \
         FROM telemetryflow.metric_series WHERE series_id = 18446744073709551615",
    );
    let batch = &rows.batches[0];
    let text = |at: usize| batch.column(at).as_string::<i32>().value(0).to_owned();
    assert_eq!((text(0).as_str(), text(1).as_str()), ("it's \\ \"quoted\"", "x\ty\n"));
    assert_eq!((text(3).as_str(), text(4).as_str(), text(5).as_str()), ("2026-11-18", "gauge", "none"));
}

fn value_and_rows(store: &dyn Store, table: &str) -> (f64, usize) {
    let rows = select(store, &format!("SELECT value FROM {table} WHERE metric = 'twice'"));
    let values =
        rows.batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().iter());
    let values: Vec<f64> = values.copied().collect();
    (values.last().copied().expect("a row"), values.len())
}

/// *Guarantees*: of points with the same series and time, in one block or in several, the one stored last is read, before
/// and after merges.
#[test]
fn the_same_series_and_time_twice_is_the_point_stored_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    migrate(&store, MIGRATIONS).unwrap();
    for (token, values) in [("a", &[5.0, 9.0, 2.0][..]), ("b", &[4.0, 3.0])] {
        let mut columns = NumberColumns::new(TenantId::unnamed());
        columns.begin_run("twice", MetricKind::Gauge);
        values.iter().for_each(|value| columns.push(number(1, *value, 0, false)));
        let block = blocks::samples(&[columns.into()]).unwrap();
        store.insert(&Insert { table: SAMPLES_TABLE, token, batch: &block }).unwrap();
        let last = values.last().copied().unwrap();
        assert_eq!(value_and_rows(&store, "telemetryflow.metric_samples FINAL"), (last, 1));
    }
    store.execute("OPTIMIZE TABLE telemetryflow.metric_samples FINAL").unwrap();
    assert_eq!(value_and_rows(&store, "telemetryflow.metric_samples"), (3.0, 1));
}

/// *Guarantees*: samples of the first schema are there in the newest one, once, also if the migration was cut short before
/// any of the statements that replace their table and began anew.
#[test]
fn samples_survive_the_migration_wherever_it_is_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    migrate(&store, &MIGRATIONS[..1]).unwrap();
    let (integers, doubles, columns) = samples();
    let block = blocks::samples(&[columns]).unwrap();
    for token in ["a", "b"] {
        store.insert(&Insert { table: SAMPLES_TABLE, token, batch: &block }).unwrap();
    }
    retain_metrics_of_the_first_schema(&store);
    let statements = MIGRATIONS[1].statements;
    for cut in 1..=5 {
        statements[..cut].iter().for_each(|statement| store.execute(statement).unwrap());
    }
    assert_eq!(migrate(&store, MIGRATIONS).unwrap(), 1);
    retain_metrics(&store, Duration::from_secs(86_400 * 30), Duration::from_secs(86_400 * 396)).unwrap();
    let rows = select(&store, "SELECT count() FROM telemetryflow.metric_samples FINAL");
    let count = rows.batches[0].column(0).as_primitive::<UInt64Type>().value(0);
    assert_eq!(count, (integers.len() + doubles.len()) as u64);
    let engine = select(&store, "SELECT engine FROM system.tables WHERE name = 'metric_samples'");
    assert_eq!(engine.batches[0].column(0).as_string::<i32>().value(0), "ReplacingMergeTree");
}

fn retain_metrics_of_the_first_schema(store: &dyn Store) {
    let retain = include_str!("../../clickhouse/telemetry/retain_metric_samples.sql");
    store.execute(&retain.replace("{{retention_seconds}}", "2592000")).expect("a retention");
}

#[test]
fn one_folder_has_one_owner_and_is_free_again_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    migrate(&store, MIGRATIONS).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::InUse { .. })));
    drop(store);
    let again = open(folder.path()).unwrap();
    assert_eq!(migrate(&again, MIGRATIONS).unwrap(), NEWEST);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let later = Migration { version: NEWEST + 1, name: "later", statements: &["SELECT 1 FORMAT Null"] };
    migrate(&store, &[MIGRATIONS, &[later]].concat()).unwrap();
    let refused = migrate(&store, MIGRATIONS).unwrap_err();
    assert!(
        matches!(refused, MigrationError::Newer { found, known } if (found, known) == (NEWEST + 1, NEWEST)),
        "{refused}"
    );
}

/// Each row of such an insert becomes a part of its own.
const EACH_ROW_A_PART: &str = "SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1, max_insert_threads = 1";

#[test]
fn inserts_are_held_back_by_the_partition_with_the_most_parts() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(folder.path()).unwrap());
    let mut registry = Registry::default();
    let pressure = PartsPressure::new(Arc::clone(&store), PartsMetrics::register(&mut registry));
    let mut now = Instant::now();
    let mut pause_after = |statements: &[String]| {
        statements.iter().for_each(|statement| store.execute(statement).expect(statement));
        now += Duration::from_secs(1);
        pressure.pause(now).as_millis()
    };
    assert_eq!(pause_after(&[]), 0, "no database");
    migrate(&*store, MIGRATIONS).unwrap();
    assert_eq!(pause_after(&[]), 0, "no rows");

    let make = |table: &str| {
        [
            format!(
                "CREATE TABLE telemetryflow.{table} (day UInt8, n UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY n"
            ),
            format!("SYSTEM STOP MERGES telemetryflow.{table}"),
        ]
    };
    let fill = |table: &str, day: u8, parts: u64| {
        format!(
            "INSERT INTO telemetryflow.{table} SELECT {day}, number FROM numbers({parts}) {EACH_ROW_A_PART}"
        )
    };
    pause_after(&[make("first"), make("second")].concat());
    // Only together they would be too many.
    assert_eq!(pause_after(&[fill("first", 1, 150), fill("first", 2, 100), fill("second", 1, 100)]), 0);
    assert_eq!(pause_after(&[fill("first", 1, 75)]), 500);
    assert_eq!(pause_after(&[fill("second", 1, 200)]), 1_000);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("\nstore_parts_max 300\n"), "{text}");
    assert!(text.contains("\nstore_parts_paused_milliseconds_total 1500\n"), "{text}");
    assert_eq!(
        pause_after(&["DROP TABLE telemetryflow.first".into(), "DROP TABLE telemetryflow.second".into()]),
        0
    );
}

#[test]
fn the_engine_delays_inserts_much_later_than_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let rows = select(
        &store,
        "SELECT toUInt64(value) AS value FROM system.merge_tree_settings \
         WHERE name IN ('parts_to_delay_insert', 'parts_to_throw_insert') ORDER BY name",
    );
    let limits = rows.batches[0].column(0).as_primitive::<UInt64Type>().values().to_vec();
    assert_eq!(limits, [1_000, 3_000]);
}
