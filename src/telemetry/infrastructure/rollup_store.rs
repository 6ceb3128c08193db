//! `Rollups` over the store: the engine reads points and writes rollups by itself.

use std::sync::Arc;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, Select, Store, StoreError, StoreErrorKind, parameters};
use crate::shared::time::NANOS_PER_SECOND;
use crate::shared::{Clock, TenantId, Timestamp};
use crate::telemetry::application::rollups::{
    Block, Day, MetricOf, MetricPoints, RollupError, Rollups, Share,
};
use crate::telemetry::domain::Hour;

const CALCULATE_5M: &str = include_str!("../../../clickhouse/telemetry/rollups/calculate_5m.sql");
const CALCULATE_1H: &str = include_str!("../../../clickhouse/telemetry/rollups/calculate_1h.sql");
const POINTS_OF_HOUR: &str = include_str!("../../../clickhouse/telemetry/rollups/points_of_hour.sql");
const POINTS_OF_METRICS: &str = include_str!("../../../clickhouse/telemetry/rollups/points_of_metrics.sql");
const NEWEST_BLOCKS: &str = include_str!("../../../clickhouse/telemetry/rollups/newest_blocks.sql");
const RECORD_HOUR: &str = include_str!("../../../clickhouse/telemetry/rollups/record_hour.sql");
const RECORDED_HOURS: &str = include_str!("../../../clickhouse/telemetry/rollups/recorded_hours.sql");

/// Statements take as long as they take, on threads that may block. Cheap to clone.
#[derive(Clone)]
pub struct RollupStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for RollupStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollupStore").field("store", &self.store).finish_non_exhaustive()
    }
}

fn failed(error: &StoreError) -> RollupError {
    tracing::warn!(%error, "a statement for rollups failed");
    match error.kind {
        StoreErrorKind::Limit => RollupError::TooLarge,
        StoreErrorKind::Unavailable | StoreErrorKind::Unprepared | StoreErrorKind::Cancelled => {
            RollupError::Unavailable
        }
        StoreErrorKind::Value
        | StoreErrorKind::Refused
        | StoreErrorKind::Unknown
        | StoreErrorKind::Answer => RollupError::Refused,
    }
}

fn named(metrics: &[MetricOf]) -> [Parameter; 2] {
    let tenants: Vec<&str> = metrics.iter().map(|of| of.tenant.as_str()).collect();
    let names: Vec<&str> = metrics.iter().map(|of| &*of.metric).collect();
    [parameters::texts("tenants", &tenants), parameters::texts("metrics", &names)]
}

/// The hour, and from when on points are read for it at most.
fn of_hour(hour: Hour) -> [Parameter; 3] {
    [
        parameters::number("read_from", hour.plus(-1).start().nanos()),
        parameters::number("start", hour.start().nanos()),
        parameters::number("end", hour.end().nanos()),
    ]
}

fn seconds(hour: Hour) -> i64 {
    hour.start().nanos() / NANOS_PER_SECOND
}

impl RollupStore {
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    async fn select<T: Send + 'static>(
        &self,
        sql: &'static str,
        bound: Vec<Parameter>,
        read: fn(&Rows) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, RollupError> {
        let store = Arc::clone(&self.store);
        let answer = tokio::task::spawn_blocking(move || {
            store.select(&Select::new(sql, &bound)).and_then(|rows| read(&rows))
        });
        answer.await.map_err(|_| RollupError::Unavailable)?.map_err(|error| failed(&error))
    }

    async fn derive(&self, sql: &'static str, bound: Vec<Parameter>) -> Result<(), RollupError> {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || store.derive(&Select::new(sql, &bound)));
        done.await.map_err(|_| RollupError::Unavailable)?.map_err(|error| failed(&error))
    }
}

impl Rollups for RollupStore {
    async fn days(&self) -> Result<Vec<Day>, RollupError> {
        self.select(NEWEST_BLOCKS, Vec::new(), days).await
    }

    async fn recorded(&self, from: Hour) -> Result<Vec<(Hour, Block)>, RollupError> {
        let bound = vec![parameters::number("from", seconds(from).max(0))];
        self.select(RECORDED_HOURS, bound, recorded).await
    }

    async fn record(&self, hour: Hour, before: Block) -> Result<(), RollupError> {
        let bound = vec![
            parameters::number("hour", seconds(hour)),
            parameters::number("newest_block", before.0),
            parameters::number("calculated_at", self.clock.now().nanos()),
        ];
        self.derive(RECORD_HOUR, bound).await
    }

    async fn metrics(
        &self,
        hour: Hour,
        after: Option<&MetricOf>,
        limit: usize,
    ) -> Result<Vec<MetricPoints>, RollupError> {
        let mut bound = Vec::from(of_hour(hour));
        bound.extend([
            parameters::text("after_tenant", after.map_or("", |of| of.tenant.as_str())),
            parameters::text("after_metric", after.map_or("", |of| &of.metric)),
            parameters::number("limit", limit),
        ]);
        self.select(POINTS_OF_HOUR, bound, points).await
    }

    async fn points_of(&self, hour: Hour, metrics: &[MetricOf]) -> Result<Vec<MetricPoints>, RollupError> {
        let bound = of_hour(hour).into_iter().chain(named(metrics)).collect();
        self.select(POINTS_OF_METRICS, bound, points).await
    }

    async fn calculate(&self, hour: Hour, share: &Share) -> Result<(), RollupError> {
        let own = [
            parameters::number("first_series", share.first_series),
            parameters::number("last_series", share.last_series),
        ];
        let bound: Vec<Parameter> =
            of_hour(hour).into_iter().chain(named(&share.metrics)).chain(own).collect();
        self.derive(CALCULATE_5M, bound.clone()).await?;
        self.derive(CALCULATE_1H, bound).await
    }
}

fn days(rows: &Rows) -> Result<Vec<Day>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (numbers, blocks) = (columns.integers("day")?, columns.integers("newest_block")?);
        for at in 0..batch.num_rows() {
            found.push(Day { number: numbers.value(at), newest: Block(blocks.value(at)) });
        }
    }
    Ok(found)
}

fn recorded(rows: &Rows) -> Result<Vec<(Hour, Block)>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (hours, blocks) = (columns.integers("hour_seconds")?, columns.integers("newest_block")?);
        for at in 0..batch.num_rows() {
            let start = Timestamp::from_nanos(hours.value(at).saturating_mul(NANOS_PER_SECOND));
            found.push((Hour::of(start), Block(blocks.value(at))));
        }
    }
    Ok(found)
}

fn points(rows: &Rows) -> Result<Vec<MetricPoints>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (tenants, names) = (columns.texts("tenant_id")?, columns.texts("name")?);
        let points = columns.counts("points")?;
        for at in 0..batch.num_rows() {
            let tenant = TenantId::parse(tenants.value(at)).map_err(|_| {
                StoreError::new(StoreErrorKind::Answer, "a tenant is stored whose name is none".to_owned())
            })?;
            let of = MetricOf { tenant, metric: names.value(at).into() };
            found.push(MetricPoints { of, points: points.value(at) });
        }
    }
    Ok(found)
}
