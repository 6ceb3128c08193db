//! The store as the queries see it: one SELECT at a time per connection, on threads that may block.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{
    CancelToken, Parameter, Rows, Select, Store, StoreError, StoreErrorKind, parameters,
};
use crate::querying::application::{
    LogRecord, Page, ReadError, SearchReader, ServiceCalls, SpanRates, TraceSpans, TraceSummary,
};
use crate::querying::domain::{
    CataloguePage, CatalogueQuery, LogCount, LogCursor, LogHistogramQuery, LogQuery, MetricDescription,
    MetricSummary, RatesQuery, ServiceMapQuery, TraceCursor, TraceQuery,
};
use crate::shared::nearest::nearest_few;
use crate::shared::{RollupCoverage, TenantId, Timestamp, TraceId};

use super::generations::Generations;
use super::query_counters::QueryCounters;
use super::turns::Turns;

const DESCRIBE: &str = include_str!("../../../clickhouse/querying/describe_metric.sql");
const NAMES: &str = include_str!("../../../clickhouse/querying/metric_names.sql");
const CATALOGUE: &str = include_str!("../../../clickhouse/querying/metric_catalogue.sql");

/// Kinds whose points are numbers, by their names in the store ([`crate::shared::MetricKind::name`]).
const NUMBER_KINDS: [&str; 2] = ["gauge", "sum"];

/// Most names that are suggested for an unknown metric.
const SUGGESTIONS_MAX: usize = 5;

#[derive(Debug, Clone, Copy)]
pub struct ReaderLimits {
    /// Queries at once.
    pub concurrency_max: usize,
    /// Of one tenant.
    pub concurrency_max_per_tenant: usize,
    /// How long a query waits for its turn.
    pub wait_max: Duration,
    /// Buckets in one answer, over all groups.
    pub buckets_max: usize,
}

/// Reads from ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct ClickHouseReader {
    store: Arc<dyn Store>,
    turns: Arc<Turns>,
    limits: ReaderLimits,
    generations: Arc<Generations>,
    rollups: Arc<dyn RollupCoverage>,
    counters: QueryCounters,
}

impl std::fmt::Debug for ClickHouseReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClickHouseReader").field("store", &self.store).field("limits", &self.limits).finish()
    }
}

impl ClickHouseReader {
    pub fn new(
        store: Arc<dyn Store>,
        limits: ReaderLimits,
        generations: Arc<Generations>,
        rollups: Arc<dyn RollupCoverage>,
        counters: QueryCounters,
    ) -> Self {
        let turns = Turns::new(limits.concurrency_max, limits.concurrency_max_per_tenant);
        Self { store, turns: Arc::new(turns), limits, generations, rollups, counters }
    }

    pub(super) fn rollups(&self) -> &dyn RollupCoverage {
        &*self.rollups
    }

    pub(super) const fn buckets_max(&self) -> usize {
        self.limits.buckets_max
    }

    /// Runs a statement when it is the tenant's turn. The tenant is bound here and nowhere else: no statement can see another's rows,
    /// or forget to say whose it wants. Whoever does not wait for the answer drops the future: that ends the
    /// query, and the turn is given back when it has ended.
    pub(super) async fn select(
        &self,
        tenant: &TenantId,
        sql: String,
        bound: Vec<Parameter>,
    ) -> Result<Rows, ReadError> {
        self.run(tenant, sql, bound, false).await
    }

    /// As [`Self::select`], of answers that may have millions of rows.
    pub(super) async fn select_many(
        &self,
        tenant: &TenantId,
        sql: String,
        bound: Vec<Parameter>,
    ) -> Result<Rows, ReadError> {
        self.run(tenant, sql, bound, true).await
    }

    async fn run(
        &self,
        tenant: &TenantId,
        sql: String,
        mut bound: Vec<Parameter>,
        large: bool,
    ) -> Result<Rows, ReadError> {
        bound.push(parameters::text("tenant", tenant.as_str()));
        let Some(turn) = self.turns.take(tenant, self.limits.wait_max).await else {
            self.counters.busy();
            return Err(ReadError::Busy);
        };
        let (store, counters) = (Arc::clone(&self.store), self.counters.clone());
        let cancel = CancelToken::default();
        let waiting = cancel.drop_guard();
        let span = tracing::debug_span!(
            "select",
            otel.kind = "client",
            db.system.name = "clickhouse",
            rows_read = tracing::field::Empty
        );
        let rows = tokio::task::spawn_blocking(move || {
            let running = counters.running();
            let select = Select { large, ..Select::new(&sql, &bound).until(&cancel) };
            let rows = span.in_scope(|| store.select(&select));
            span.record("rows_read", rows.as_ref().map_or(0, |rows| rows.rows_read));
            if rows.as_ref().is_err_and(|error| error.kind == StoreErrorKind::Cancelled) {
                counters.cancelled();
            }
            drop((running, turn));
            rows
        });
        let rows = rows.await.map_err(|_| ReadError::Unavailable)?;
        waiting.disarm();
        rows.map_err(|error| failed(&error))
    }

    /// What a metric is.
    pub(super) async fn describe(
        &self,
        tenant: &TenantId,
        metric: &str,
    ) -> Result<MetricDescription, ReadError> {
        let bound = vec![parameters::text("metric", metric)];
        let rows = self.select(tenant, DESCRIBE.to_owned(), bound).await?;
        match description(&rows).map_err(|error| failed(&error))? {
            Some(description) => Ok(description),
            None => Err(self.unknown(tenant, metric).await?),
        }
    }

    /// What to say of a metric that is not known: names that are close.
    pub(super) async fn unknown(&self, tenant: &TenantId, metric: &str) -> Result<ReadError, ReadError> {
        let rows = self.select(tenant, NAMES.to_owned(), Vec::new()).await?;
        let metric = metric.to_owned();
        // Comparing thousands of names would hold up an async thread.
        let near = tokio::task::spawn_blocking(move || nearest_names(&rows, &metric));
        let near = near.await.map_err(|_| ReadError::Unavailable)?.map_err(|error| failed(&error))?;
        Ok(ReadError::UnknownMetric { near })
    }

    /// The time of the newest point that this process saw of a metric.
    pub(super) fn newest(&self, tenant: &TenantId, metric: &str) -> Option<Timestamp> {
        self.generations.newest(tenant, metric)
    }

    pub(super) async fn read_catalogue(&self, query: &CatalogueQuery) -> Result<CataloguePage, ReadError> {
        let bound = vec![
            parameters::text("after", &query.after),
            parameters::text("search", &query.search),
            parameters::text("service", &query.service),
            // One more than asked for tells whether there is another page.
            parameters::number("limit", query.limit + 1),
        ];
        let rows = self.select(&query.tenant, CATALOGUE.to_owned(), bound).await?;
        let mut metrics = summaries(&rows).map_err(|error| failed(&error))?;
        let more = metrics.len() > query.limit;
        metrics.truncate(query.limit);
        // A series' row tells when it was first seen that day; ingestion knows the rest, since this process started.
        for metric in &mut metrics {
            let newest = self.generations.newest(&query.tenant, &metric.name);
            metric.last_seen = newest.map_or(metric.last_seen, |newest| newest.max(metric.last_seen));
        }
        Ok(CataloguePage { metrics, more, rows_read: rows.rows_read })
    }
}

impl SearchReader for ClickHouseReader {
    async fn logs(&self, query: &LogQuery) -> Result<Page<LogRecord, LogCursor>, ReadError> {
        self.read_logs(query).await
    }

    async fn log_counts(&self, query: &LogHistogramQuery) -> Result<(Vec<LogCount>, u64), ReadError> {
        self.read_log_counts(query).await
    }

    async fn traces(&self, query: &TraceQuery) -> Result<Page<TraceSummary, TraceCursor>, ReadError> {
        self.read_traces(query).await
    }

    async fn trace(&self, tenant: &TenantId, id: TraceId) -> Result<Option<TraceSpans>, ReadError> {
        self.read_trace(tenant, id).await
    }

    async fn rates(&self, query: &RatesQuery) -> Result<Vec<SpanRates>, ReadError> {
        self.read_rates(query).await
    }

    async fn service_calls(&self, query: &ServiceMapQuery) -> Result<Vec<ServiceCalls>, ReadError> {
        self.read_service_calls(query).await
    }
}

fn nearest_names(rows: &Rows, metric: &str) -> Result<Vec<Box<str>>, StoreError> {
    let mut names = Vec::new();
    for batch in &rows.batches {
        names.extend(Columns(batch).texts("metric")?.iter().flatten());
    }
    Ok(nearest_few(metric, names, SUGGESTIONS_MAX).into_iter().map(Box::from).collect())
}

/// Clients hear what they can act upon; the store's own words go to the log.
pub(super) fn failed(error: &StoreError) -> ReadError {
    match error.kind {
        StoreErrorKind::Limit => ReadError::TooLarge,
        StoreErrorKind::Value => ReadError::Value,
        StoreErrorKind::Unavailable
        | StoreErrorKind::Unprepared
        | StoreErrorKind::Refused
        | StoreErrorKind::Cancelled
        | StoreErrorKind::Unknown
        | StoreErrorKind::Answer => {
            tracing::error!(%error, "a query failed");
            ReadError::Unavailable
        }
    }
}

fn description(rows: &Rows) -> Result<Option<MetricDescription>, StoreError> {
    let mut found: Option<MetricDescription> = None;
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (kinds, temporalities) = (columns.texts("kind")?, columns.texts("temporality")?);
        let (monotonic, units) = (columns.flags("is_monotonic")?, columns.texts("unit")?);
        let descriptions = columns.texts("description")?;
        for at in 0..batch.num_rows() {
            let counter = monotonic.value(at) && temporalities.value(at) == "cumulative";
            let numbers = NUMBER_KINDS.contains(&kinds.value(at));
            match &mut found {
                Some(first) => {
                    first.ambiguous = true;
                    first.has_counters |= counter;
                }
                None => {
                    found = Some(MetricDescription {
                        kind: kinds.value(at).into(),
                        temporality: temporalities.value(at).into(),
                        monotonic: monotonic.value(at),
                        unit: units.value(at).into(),
                        description: descriptions.value(at).into(),
                        has_counters: counter,
                        has_numbers: numbers,
                        ambiguous: false,
                    });
                }
            }
        }
    }
    Ok(found)
}

fn summaries(rows: &Rows) -> Result<Vec<MetricSummary>, StoreError> {
    let mut metrics = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (names, kinds) = (columns.texts("metric")?, columns.texts("kind")?);
        let (temporalities, monotonic) = (columns.texts("temporality")?, columns.flags("is_monotonic")?);
        let (units, descriptions) = (columns.texts("unit")?, columns.texts("description")?);
        let (services, counts) = (columns.texts("services")?, columns.counts("series_count")?);
        let seen = columns.integers("row_seen")?;
        for at in 0..batch.num_rows() {
            metrics.push(MetricSummary {
                name: names.value(at).into(),
                kind: kinds.value(at).into(),
                temporality: temporalities.value(at).into(),
                monotonic: monotonic.value(at),
                unit: units.value(at).into(),
                description: descriptions.value(at).into(),
                services: services.value(at).split('\0').filter(|s| !s.is_empty()).map(Box::from).collect(),
                series_count: counts.value(at),
                last_seen: Timestamp::from_nanos(seen.value(at)),
            });
        }
    }
    Ok(metrics)
}
