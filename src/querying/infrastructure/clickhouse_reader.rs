//! `MetricReader` and `SearchReader` over the store: one SELECT at a time per connection, on threads that may block.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use tokio::sync::Semaphore;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, Select, Store, StoreError, StoreErrorKind, parameters};
use crate::querying::application::{
    CacheStatus, CacheUse, LogRecord, MetricReader, Page, Read, ReadError, SearchReader, ServiceCalls,
    SpanRates, TraceSpans, TraceSummary,
};
use crate::querying::domain::{
    Bucket, BucketQuery, CataloguePage, CatalogueQuery, GroupSeries, LogCount, LogCursor, LogHistogramQuery,
    LogQuery, MetricBuckets, MetricDescription, MetricSummary, RatesQuery, ServiceMapQuery, TraceCursor,
    TraceQuery,
};
use crate::shared::nearest::nearest_few;
use crate::shared::{TenantId, Timestamp, TraceId};

use super::filter_sql::filter_sql;
use super::generations::Generations;

const DESCRIBE: &str = include_str!("../../../clickhouse/querying/describe_metric.sql");
const NAMES: &str = include_str!("../../../clickhouse/querying/metric_names.sql");
const CATALOGUE: &str = include_str!("../../../clickhouse/querying/metric_catalogue.sql");
const LEVELS: &str = include_str!("../../../clickhouse/querying/buckets_of_levels.sql");
const COUNTERS: &str = include_str!("../../../clickhouse/querying/buckets_of_counters.sql");

/// How far before the range a counter's previous point is looked for, at least.
pub const LOOK_BACK: Duration = Duration::from_secs(15 * 60);

/// Kinds whose points are numbers, by their names in the store ([`crate::shared::MetricKind::name`]).
const NUMBER_KINDS: [&str; 2] = ["gauge", "sum"];

/// Most names that are suggested for an unknown metric.
const SUGGESTIONS_MAX: usize = 5;

#[derive(Debug, Clone, Copy)]
pub struct ReaderLimits {
    /// Queries at once.
    pub concurrency_max: usize,
    /// How long a query waits for its turn.
    pub wait_max: Duration,
    /// Buckets in one answer, over all groups.
    pub buckets_max: u64,
}

/// Reads from ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct ClickHouseReader {
    store: Arc<dyn Store>,
    turns: Arc<Semaphore>,
    limits: ReaderLimits,
    generations: Arc<Generations>,
}

impl std::fmt::Debug for ClickHouseReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClickHouseReader").field("store", &self.store).field("limits", &self.limits).finish()
    }
}

/// The first instant that a query reads: counters need the point before their range.
pub fn read_from(query: &BucketQuery) -> Timestamp {
    query.range.start().minus(LOOK_BACK.max(query.interval.duration()))
}

impl ClickHouseReader {
    pub fn new(store: Arc<dyn Store>, limits: ReaderLimits, generations: Arc<Generations>) -> Self {
        Self { store, turns: Arc::new(Semaphore::new(limits.concurrency_max)), limits, generations }
    }

    pub(super) async fn select(&self, sql: String, bound: Vec<Parameter>) -> Result<Rows, ReadError> {
        let turn = tokio::time::timeout(self.limits.wait_max, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| ReadError::Busy)?.map_err(|_| ReadError::Unavailable)?;
        let store = Arc::clone(&self.store);
        let rows = tokio::task::spawn_blocking(move || {
            let rows = store.select(&Select { sql: &sql, parameters: &bound });
            drop(turn);
            rows
        });
        rows.await.map_err(|_| ReadError::Unavailable)?.map_err(|error| failed(&error))
    }

    async fn describe(&self, query: &BucketQuery) -> Result<MetricDescription, ReadError> {
        let bound = vec![
            parameters::text("tenant", query.tenant.as_str()),
            parameters::text("metric", &query.metric),
        ];
        let rows = self.select(DESCRIBE.to_owned(), bound).await?;
        match description(&rows).map_err(|error| failed(&error))? {
            Some(description) => Ok(description),
            None => Err(ReadError::UnknownMetric { near: self.near(query).await? }),
        }
    }

    async fn near(&self, query: &BucketQuery) -> Result<Vec<Box<str>>, ReadError> {
        let bound = vec![parameters::text("tenant", query.tenant.as_str())];
        let rows = self.select(NAMES.to_owned(), bound).await?;
        let metric = query.metric.clone();
        // Comparing thousands of names would hold up an async thread.
        let near = tokio::task::spawn_blocking(move || nearest_names(&rows, &metric));
        near.await.map_err(|_| ReadError::Unavailable)?.map_err(|error| failed(&error))
    }

    async fn read_buckets(&self, query: &BucketQuery) -> Result<MetricBuckets, ReadError> {
        let description = self.describe(query).await?;
        if !description.has_numbers {
            return Ok(MetricBuckets { description, groups: Vec::new(), rows_read: 0 });
        }
        let (filter, mut bound) = filter_sql(&query.filter);
        bound.extend([
            parameters::text("tenant", query.tenant.as_str()),
            parameters::text("metric", &query.metric),
            parameters::texts("group_by", query.group_by.labels()),
            parameters::number("step", query.interval.nanos()),
            parameters::number("start", query.range.start().nanos()),
            parameters::number("end", query.range.end().nanos()),
            parameters::number("rows_max", self.limits.buckets_max + 1),
        ]);
        if description.has_counters {
            bound.push(parameters::number("read_from", read_from(query).nanos().max(0)));
        }
        let sql = if description.has_counters { COUNTERS } else { LEVELS };
        let rows = self.select(sql.replace("{{filter}}", &filter), bound).await?;
        let found: usize = rows.batches.iter().map(RecordBatch::num_rows).sum();
        if found as u64 > self.limits.buckets_max {
            return Err(ReadError::TooLarge);
        }
        let groups = groups(&rows).map_err(|error| failed(&error))?;
        Ok(MetricBuckets { description, groups, rows_read: rows.rows_read })
    }

    async fn read_catalogue(&self, query: &CatalogueQuery) -> Result<CataloguePage, ReadError> {
        let bound = vec![
            parameters::text("tenant", query.tenant.as_str()),
            parameters::text("after", &query.after),
            parameters::text("search", &query.search),
            parameters::text("service", &query.service),
            // One more than asked for tells whether there is another page.
            parameters::number("limit", query.limit + 1),
        ];
        let rows = self.select(CATALOGUE.to_owned(), bound).await?;
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

impl MetricReader for ClickHouseReader {
    async fn buckets(&self, query: &BucketQuery, _cache: CacheUse) -> Result<Read<MetricBuckets>, ReadError> {
        Ok(Read { answer: Arc::new(self.read_buckets(query).await?), cache: CacheStatus::Bypass })
    }

    async fn catalogue(
        &self,
        query: &CatalogueQuery,
        _cache: CacheUse,
    ) -> Result<Read<CataloguePage>, ReadError> {
        Ok(Read { answer: Arc::new(self.read_catalogue(query).await?), cache: CacheStatus::Bypass })
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
                    first.has_numbers |= numbers;
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

/// Rows come in order of labels and time.
fn groups(rows: &Rows) -> Result<Vec<GroupSeries>, StoreError> {
    let mut groups: Vec<GroupSeries> = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let labels = columns.lists("labels")?;
        let indices = columns.integers("bucket")?;
        let (points, valued) = (columns.counts("points")?, columns.counts("valued")?);
        let (totals, lows) = (columns.doubles("total")?, columns.doubles("low")?);
        let (highs, lasts) = (columns.doubles("high")?, columns.doubles("last")?);
        let last_rests = columns.short_integers("last_rest")?;
        for at in 0..batch.num_rows() {
            let values = labels.value(at);
            let values: Vec<&str> = values
                .as_string_opt::<i32>()
                .map(|texts| texts.iter().flatten().collect())
                .unwrap_or_default();
            if groups.last().is_none_or(|group| !group.labels.iter().map(|l| &**l).eq(values.iter().copied()))
            {
                groups.push(GroupSeries {
                    labels: values.into_iter().map(Box::from).collect(),
                    buckets: Vec::new(),
                });
            }
            if let Some(group) = groups.last_mut() {
                group.buckets.push(Bucket {
                    index: indices.value(at),
                    points: points.value(at),
                    valued: valued.value(at),
                    total: totals.value(at),
                    low: lows.value(at),
                    high: highs.value(at),
                    last: lasts.value(at),
                    last_rest: last_rests.value(at),
                });
            }
        }
    }
    Ok(groups)
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
