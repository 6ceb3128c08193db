//! A store with points, a clock that is set, and processes that roll up one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow_array::cast::AsArray;
use telemetryflow::platform::clickhouse::embedded::{
    EmbeddedOptions, EmbeddedStore, QueryLimits, find_library,
};
use telemetryflow::platform::clickhouse::migrations::migrate;
use telemetryflow::platform::clickhouse::{Select, Store};
use telemetryflow::platform::event_bus::{Delivery, EventBus, EventQueue, Topic};
use telemetryflow::shared::{
    AggregationCompleted, Clock, DomainEvent, MetricKind, MetricsIngested, NumberColumns, NumberRow,
    RollupCoverage, SeriesId, Temporality, TenantId, TimeRange, Timestamp, WatchId,
};
use telemetryflow::telemetry::rollups::{
    CalculateHourlyAggregation, Hour, MetricOf, RolledUp, RollupCounters, RollupOptions, RollupSchedule,
    RollupStore, Rollups, Share,
};
use telemetryflow::telemetry::schema::MIGRATIONS;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::oracle::{Kind, Point, rolled_up};

pub const MINUTE: i64 = 60_000_000_000;
/// 2026-11-18 21:00 UTC, so that points lie on two days.
pub const FIRST: i64 = 1_795_035_600_000_000_000;
/// How long points come.
pub const HOURS: i64 = 6;
pub const TENANTS: [&str; 2] = ["one", "two"];

const TABLES: [(&str, i64, i64); 2] = [("metric_rollup_5m", 5, 15), ("metric_rollup_1h", 60, 60)];

#[derive(Debug)]
pub struct SetClock(AtomicI64);

impl SetClock {
    pub fn plus_minutes(&self, minutes: i64) {
        self.0.fetch_add(minutes * MINUTE, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub tenant: String,
    pub metric: String,
    pub series: u64,
}

pub struct Scene {
    store: Arc<dyn Store>,
    pub clock: Arc<SetClock>,
    stored: BTreeMap<Key, (Kind, Vec<Point>)>,
    _folder: TempDir,
}

/// A process, as far as rollups go.
pub struct Running {
    schedule: RollupSchedule<RollupStore>,
    rolled_up: Arc<RolledUp>,
    bus: Arc<EventBus>,
    completed: Mutex<EventQueue>,
    stop: CancellationToken,
}

fn open(folder: &TempDir) -> EmbeddedStore {
    let query_limits =
        QueryLimits { time_max: Duration::from_secs(30), memory_bytes_max: 2 << 30, rows_max: 10_000_000 };
    let options = EmbeddedOptions {
        library: find_library(None).expect("libchdb"),
        path: folder.path().to_owned(),
        writers: 1,
        readers: 1,
        memory_bytes_max: 4 << 30,
        query_limits,
    };
    EmbeddedStore::open(&options).expect("the embedded engine")
}

/// A text in SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl Scene {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder);
        migrate(&store, MIGRATIONS).expect("the schema");
        let clock = Arc::new(SetClock(AtomicI64::new(FIRST + (HOURS + 2) * 60 * MINUTE)));
        Self { store: Arc::new(store), clock, stored: BTreeMap::new(), _folder: folder }
    }

    pub fn execute(&self, statement: &str) {
        self.store.execute(statement).expect(statement);
    }

    /// A series with a row on each day.
    pub fn series(&mut self, tenant: &str, metric: &str, number: u64, kind: Kind) -> Key {
        // Ids are spread over all that there are.
        let series = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.stored.len() as u64;
        let key = Key { tenant: tenant.to_owned(), metric: metric.to_owned(), series };
        let (name, temporality, monotonic) = match kind {
            Kind::Level => ("gauge", "none", false),
            Kind::Counter => ("sum", "cumulative", true),
            Kind::Delta => ("sum", "delta", true),
        };
        for day in [FIRST, FIRST + HOURS * 60 * MINUTE].map(|at| Timestamp::from_nanos(at).day()) {
            self.execute(&format!(
                "INSERT INTO telemetryflow.metric_series (tenant, metric, series_id, day, kind, temporality, is_monotonic) \
                 VALUES ({}, {}, {series}, {day}, '{name}', '{temporality}', {monotonic})",
                quoted(tenant),
                quoted(metric),
            ));
        }
        self.stored.insert(key.clone(), (kind, Vec::new()));
        key
    }

    pub fn insert(&mut self, key: &Key, points: &[Point]) {
        let (tenant, metric, series) = (quoted(&key.tenant), quoted(&key.metric), key.series);
        let row = |point: &Point| {
            let Point { at, start, value, integer_rest, gap } = point;
            let value = if *gap { "nan".to_owned() } else { value.to_string() };
            format!(
                "({tenant}, {metric}, {series}, fromUnixTimestamp64Nano({at}), fromUnixTimestamp64Nano({start}), \
                 {value}, {integer_rest}, {})",
                u8::from(*gap)
            )
        };
        let rows: Vec<String> = points.iter().map(row).collect();
        if !rows.is_empty() {
            self.execute(&format!(
                "INSERT INTO telemetryflow.metric_samples (tenant, metric, series_id, time, start_time, value, integer_rest, flags) \
                 SETTINGS max_partitions_per_insert_block = 0 VALUES {}",
                rows.join(", ")
            ));
        }
        if let Some((_, stored)) = self.stored.get_mut(key) {
            stored.extend(points);
        }
    }

    pub fn keys(&self) -> Vec<&Key> {
        self.stored.iter().filter(|(_, (kind, _))| *kind == Kind::Counter).map(|(key, _)| key).collect()
    }

    pub fn points(&self, key: &Key) -> Vec<Point> {
        self.stored.get(key).map(|(_, points)| points.clone()).unwrap_or_default()
    }

    pub fn forget_what_was_done(&self) {
        self.execute("TRUNCATE TABLE telemetryflow.rollup_state");
    }

    /// A process that has looked at what was done before.
    pub async fn start(&self) -> Running {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let options =
            RollupOptions { delay: Duration::from_secs(300), points_kept: Duration::from_secs(30 * 86_400) };
        let rolled_up = Arc::new(RolledUp::new(Arc::clone(&clock), options.open(clock.now())));
        let observer = Arc::clone(&rolled_up);
        let bus = Arc::new(EventBus::default().with_inline(move |event| observer.observe(event)));
        let rollups = Arc::new(RollupStore::new(Arc::clone(&self.store), Arc::clone(&clock)));
        let schedule = RollupSchedule {
            calculate: CalculateHourlyAggregation::new(Arc::clone(&rollups), Arc::clone(&bus)),
            rollups,
            rolled_up: Arc::clone(&rolled_up),
            options,
            counters: RollupCounters::default(),
            clock,
        };
        schedule.load().await.expect("what was done");
        let completed = Mutex::new(bus.subscribe(Topic::Aggregations));
        Running { schedule, rolled_up, bus, completed, stop: CancellationToken::new() }
    }

    /// Each hour of a metric, in shares of a few series.
    pub async fn calculate_in_pieces(&self, metric: &str) {
        let rollups = RollupStore::new(Arc::clone(&self.store), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let tenant = TenantId::parse(TENANTS[0]).expect("a tenant");
        let of = MetricOf { tenant, metric: metric.into() };
        let mut shares = vec![Share { metrics: vec![of], first_series: 0, last_series: u64::MAX }];
        for _ in 0..3 {
            shares = shares.into_iter().flat_map(|share| share.halves().expect("many series")).collect();
        }
        let first = Hour::of(Timestamp::from_nanos(FIRST));
        for hour in first.until(first.plus(HOURS)) {
            for share in &shares {
                rollups.calculate(hour, share).await.expect("a calculation");
            }
        }
    }

    /// Both tables hold what the oracle says, and nothing else.
    #[track_caller]
    pub fn assert_rolled_up(&self, when: &str) {
        for (table, step, look_back) in TABLES {
            let mut expected: Vec<String> = Vec::new();
            for (key, (kind, points)) in &self.stored {
                for row in rolled_up(*kind, points, step * MINUTE, look_back * MINUTE) {
                    expected.push(format!("{} {} {} {}", key.tenant, key.metric, key.series, row.text()));
                }
            }
            expected.sort();
            let found = self.rows(table);
            let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).take(3).collect();
            let wrong: Vec<_> = found.iter().filter(|row| !expected.contains(row)).take(3).collect();
            assert!(
                missing.is_empty() && wrong.is_empty(),
                "{table} {when}: no {missing:#?}, but {wrong:#?}"
            );
            assert_eq!(found.len(), expected.len(), "{table} {when}");
        }
    }

    fn rows(&self, table: &str) -> Vec<String> {
        let sql = format!(
            "SELECT concat(tenant, ' ', metric, ' ', toString(series_id), ' ', toString(toInt64(toUnixTimestamp(time)) * 1000000000), \
             ' ', toString(points), ' ', toString(valued), ' ', toString(reinterpretAsUInt64(total)), \
             ' ', toString(reinterpretAsUInt64(low)), ' ', toString(reinterpretAsUInt64(high)), \
             ' ', toString(reinterpretAsUInt64(last)), ' ', toString(last_rest), \
             ' ', toString(toUnixTimestamp64Nano(last_time))) AS row \
             FROM telemetryflow.{table} FINAL WHERE points > 0"
        );
        let answer = self.store.select(&Select::new(&sql, &[])).expect("rows");
        let mut rows: Vec<String> = Vec::new();
        for batch in &answer.batches {
            rows.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        rows.sort();
        rows
    }
}

impl Running {
    /// Does all that is to be done now, and tells in how many steps.
    pub async fn work(&self) -> usize {
        let mut steps = 0;
        while self.schedule.step(&self.stop).await.expect("a step").is_some() {
            steps += 1;
        }
        steps
    }

    /// Does all that is to be done now, and tells what others heard of it.
    pub async fn heard_work(&self) -> Vec<AggregationCompleted> {
        let (steps, mut queue) = (self.work().await, self.completed.lock().await);
        let mut heard = Vec::new();
        while heard.len() < steps {
            match queue.next().await {
                Some(Delivery::Event(DomainEvent::AggregationCompleted(event))) => {
                    heard.push((*event).clone());
                }
                other => panic!("{other:?} instead of what was calculated"),
            }
        }
        heard
    }

    /// Whether some hour of the metric, of the first tenant, has to be read from points.
    pub fn uncovered(&self, metric: &str) -> bool {
        let at = |hours: i64| Timestamp::from_nanos(FIRST + hours * 60 * MINUTE);
        let range = TimeRange::new(at(0), at(HOURS)).expect("a range");
        TENANTS.iter().any(|tenant| {
            let tenant = TenantId::parse(tenant).expect("a tenant");
            self.rolled_up.covered(&tenant, metric, range) != [range]
        })
    }

    /// As ingestion does it, when points have become visible.
    pub fn announce(&self, key: &Key, points: &[Point]) {
        let mut columns = NumberColumns::new(TenantId::parse(&key.tenant).expect("a tenant"));
        let kind = MetricKind::Sum { temporality: Temporality::Cumulative, monotonic: true };
        columns.begin_run(&key.metric, kind);
        for point in points {
            columns.push(NumberRow {
                series: SeriesId(key.series),
                watch: WatchId::NONE,
                time: Timestamp::from_nanos(point.at),
                start: Timestamp::from_nanos(point.start),
                value: point.value,
                integer_rest: point.integer_rest,
                integer: false,
                flags: u32::from(point.gap),
            });
        }
        columns.finish();
        self.bus.publish(DomainEvent::MetricsIngested(Arc::new(MetricsIngested {
            columns: vec![columns.into()],
        })));
    }
}
