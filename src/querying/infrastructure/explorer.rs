//! `MetricExplorer` over the store: what the series of metrics are, their labels and exemplars.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, StoreError, parameters};
use crate::querying::application::explore_metrics::MetricExplorer;
use crate::querying::application::series_answers::{
    Cardinality, Counted, ExemplarPage, LabelCardinality, LabelPage, LabelValuePage, Metadata,
    MetricCardinality, SENT_AS_MAX, SeriesPage, SeriesRow, ServiceCardinality,
};
use crate::querying::application::{CacheStatus, CacheUse, Page, Read, ReadError};
use crate::querying::domain::{
    CardinalityQuery, Days, ExemplarPlace, ExemplarsQuery, LabelValuesQuery, LabelsQuery, MetadataQuery,
    SeriesQuery, SeriesSelection, TextPlace,
};
use crate::shared::{LabelFilter, SeriesId, TenantId, TimeRange, Timestamp};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::filter_sql::filter_sql;
use super::json_rows::{decoded, decoded_column};

const METADATA: &str = include_str!("../../../clickhouse/querying/metric_metadata.sql");
const LABELS: &str = include_str!("../../../clickhouse/querying/metric_labels.sql");
const VALUES: &str = include_str!("../../../clickhouse/querying/metric_label_values.sql");
const SERIES: &str = include_str!("../../../clickhouse/querying/metric_series_page.sql");
const CARDINALITY: &str = include_str!("../../../clickhouse/querying/metric_cardinality.sql");
const OF_LABELS: &str = include_str!("../../../clickhouse/querying/label_cardinality.sql");
const OF_SERVICES: &str = include_str!("../../../clickhouse/querying/service_cardinality.sql");
const EXEMPLARS: &str = include_str!("../../../clickhouse/querying/metric_exemplars.sql");

/// Terms for series of the store, and the parameters that they name.
fn terms(of: &SeriesSelection) -> (String, Vec<Parameter>) {
    let (mut sql, mut bound) = filter_sql(&of.filter);
    if let Some(metric) = &of.metric {
        sql.push_str(" AND metric = {metric:String}");
        bound.push(parameters::text("metric", metric));
    }
    bound.extend(days(of.days));
    (sql, bound)
}

fn days(days: Days) -> [Parameter; 2] {
    [parameters::number("first_day", days.first()), parameters::number("last_day", days.last())]
}

/// As [`terms`], of points of one metric in a range.
fn points(metric: &str, range: TimeRange, filter: &LabelFilter) -> (String, Vec<Parameter>) {
    let (sql, mut bound) = filter_sql(filter);
    bound.extend([
        parameters::text("metric", metric),
        parameters::number("start", range.start().nanos()),
        parameters::number("end", range.end().nanos()),
    ]);
    bound.extend(days(Days::of(range)));
    (sql, bound)
}

/// What all pages of texts name.
fn text_page(search: &str, after: Option<&TextPlace>, limit: usize) -> [Parameter; 4] {
    [
        parameters::text("search", search),
        parameters::text("after_beginning", after.map_or("", |after| &after.beginning)),
        parameters::number("after_tie", after.map_or(0, |after| after.tie)),
        // One more than asked for tells whether there is another page.
        parameters::number("limit", limit + 1),
    ]
}

/// Rows with their places become a page.
fn page<T, C>(mut placed: Vec<(C, T)>, limit: usize, rows_read: u64) -> Page<T, C> {
    let more = placed.len() > limit;
    placed.truncate(limit);
    let (mut places, rows): (Vec<C>, Vec<T>) = placed.into_iter().unzip();
    Page { rows, next: places.pop().filter(|_| more), rows_read }
}

fn by_text<T: DeserializeOwned>(rows: &Rows) -> Result<Vec<(TextPlace, T)>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (beginnings, ties) = (columns.texts("beginning")?, columns.counts("tie")?);
        let texts = columns.texts("row")?;
        for at in 0..batch.num_rows() {
            let place = TextPlace { beginning: beginnings.value(at).into(), tie: ties.value(at) };
            found.push((place, decoded(texts.value(at))?));
        }
    }
    Ok(found)
}

fn by_id(rows: &Rows) -> Result<Vec<(SeriesId, SeriesRow)>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let (ids, texts) = (Columns(batch).counts("id")?, Columns(batch).texts("row")?);
        for at in 0..batch.num_rows() {
            found.push((SeriesId(ids.value(at)), decoded(texts.value(at))?));
        }
    }
    Ok(found)
}

fn by_time<T: DeserializeOwned>(rows: &Rows) -> Result<Vec<(ExemplarPlace, T)>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (times, ties) = (columns.integers("at")?, columns.counts("tie")?);
        let texts = columns.texts("row")?;
        for at in 0..batch.num_rows() {
            let time = Timestamp::from_nanos(times.value(at));
            found.push((ExemplarPlace { time, tie: ties.value(at) }, decoded(texts.value(at))?));
        }
    }
    Ok(found)
}

/// What every row of a column says alike; zero if there are no rows.
fn total(rows: &Rows, name: &str) -> Result<u64, StoreError> {
    match rows.batches.iter().find(|batch| batch.num_rows() > 0) {
        Some(batch) => Ok(Columns(batch).counts(name)?.value(0)),
        None => Ok(0),
    }
}

fn from_store<T>(answer: T) -> Read<T> {
    Read { answer: Arc::new(answer), cache: CacheStatus::Bypass }
}

impl ClickHouseReader {
    /// Says so if the metric of a question that found nothing is not known at all.
    async fn known(&self, tenant: &TenantId, metric: &str) -> Result<(), ReadError> {
        if self.read_metadata(tenant, metric).await?.sent_as.is_empty() {
            return Err(self.unknown(tenant, metric).await?);
        }
        Ok(())
    }

    async fn known_if_named(&self, of: &SeriesSelection) -> Result<(), ReadError> {
        match &of.metric {
            Some(metric) => self.known(&of.tenant, metric).await,
            None => Ok(()),
        }
    }

    /// Nothing is said of a metric that is not known.
    async fn read_metadata(&self, tenant: &TenantId, metric: &str) -> Result<Metadata, ReadError> {
        let bound = vec![parameters::text("metric", metric), parameters::number("limit", SENT_AS_MAX)];
        let rows = self.select(tenant, METADATA.to_owned(), bound).await?;
        let sent_as = decoded_column(&rows, "described").map_err(|error| failed(&error))?;
        Ok(Metadata { sent_as, rows_read: rows.rows_read })
    }

    async fn selected(
        &self,
        statement: &str,
        of: &SeriesSelection,
        own: impl IntoIterator<Item = Parameter>,
    ) -> Result<Rows, ReadError> {
        let (filter, mut bound) = terms(of);
        bound.extend(own);
        self.select(&of.tenant, statement.replace("{{filter}}", &filter), bound).await
    }

    async fn read_metric_cardinality(
        &self,
        query: &CardinalityQuery,
    ) -> Result<MetricCardinality, ReadError> {
        let limit = || [parameters::number("limit", query.limit)];
        let labels = self.selected(OF_LABELS, &query.of, limit()).await?;
        let services = self.selected(OF_SERVICES, &query.of, limit()).await?;
        let read = || -> Result<MetricCardinality, StoreError> {
            Ok(MetricCardinality {
                labels: decoded_column::<LabelCardinality>(&labels, "row")?,
                services: decoded_column::<ServiceCardinality>(&services, "row")?,
                services_total: total(&services, "services_total")?,
                series_total: total(&services, "series_total")?,
                rows_read: labels.rows_read + services.rows_read,
            })
        };
        read().map_err(|error| failed(&error))
    }
}

impl MetricExplorer for ClickHouseReader {
    async fn metadata(&self, query: &MetadataQuery, _: CacheUse) -> Result<Read<Metadata>, ReadError> {
        let mut metadata = self.read_metadata(&query.tenant, &query.metric).await?;
        // A series' row tells when it was first seen that day; ingestion knows the rest, since this process started.
        let newest = self.newest(&query.tenant, &query.metric);
        match (metadata.sent_as.first_mut(), newest) {
            (None, _) => return Err(self.unknown(&query.tenant, &query.metric).await?),
            (Some(first), Some(newest)) => first.last_seen = first.last_seen.max(newest),
            (Some(_), None) => {}
        }
        Ok(from_store(metadata))
    }

    async fn labels(&self, query: &LabelsQuery, _: CacheUse) -> Result<Read<LabelPage>, ReadError> {
        let own = text_page(&query.search, query.after.as_ref(), query.limit);
        let rows = self.selected(LABELS, &query.of, own).await?;
        let placed = by_text(&rows).map_err(|error| failed(&error))?;
        if placed.is_empty() {
            self.known_if_named(&query.of).await?;
        }
        Ok(from_store(page(placed, query.limit, rows.rows_read)))
    }

    async fn label_values(
        &self,
        query: &LabelValuesQuery,
        _: CacheUse,
    ) -> Result<Read<LabelValuePage>, ReadError> {
        let own = text_page(&query.search, query.after.as_ref(), query.limit);
        let own = own.into_iter().chain([parameters::text("label", &query.label)]);
        let rows = self.selected(VALUES, &query.of, own).await?;
        let placed = by_text(&rows).map_err(|error| failed(&error))?;
        if placed.is_empty() {
            self.known_if_named(&query.of).await?;
        }
        Ok(from_store(page(placed, query.limit, rows.rows_read)))
    }

    async fn cardinality(
        &self,
        query: &CardinalityQuery,
        _: CacheUse,
    ) -> Result<Read<Cardinality>, ReadError> {
        let own = [parameters::number("limit", query.limit)];
        let rows = self.selected(CARDINALITY, &query.of, own).await?;
        let read = || -> Result<Cardinality, StoreError> {
            Ok(Cardinality {
                metrics: decoded_column::<Counted>(&rows, "row")?,
                metrics_total: total(&rows, "metrics_total")?,
                series_total: total(&rows, "series_total")?,
                rows_read: rows.rows_read,
            })
        };
        read().map(from_store).map_err(|error| failed(&error))
    }

    async fn metric_cardinality(
        &self,
        query: &CardinalityQuery,
        _: CacheUse,
    ) -> Result<Read<MetricCardinality>, ReadError> {
        let found = self.read_metric_cardinality(query).await?;
        if found.series_total == 0 {
            self.known_if_named(&query.of).await?;
        }
        Ok(from_store(found))
    }

    async fn series(&self, query: &SeriesQuery) -> Result<SeriesPage, ReadError> {
        let Some(first) = query.after.map_or(Some(0), |after| after.0.checked_add(1)) else {
            return Ok(Page { rows: Vec::new(), next: None, rows_read: 0 });
        };
        let (filter, mut bound) = points(&query.metric, query.range, &query.filter);
        bound.extend([parameters::number("first", first), parameters::number("limit", query.limit + 1)]);
        let rows = self.select(&query.tenant, SERIES.replace("{{filter}}", &filter), bound).await?;
        let placed = by_id(&rows).map_err(|error| failed(&error))?;
        if placed.is_empty() {
            self.known(&query.tenant, &query.metric).await?;
        }
        Ok(page(placed, query.limit, rows.rows_read))
    }

    async fn exemplars(&self, query: &ExemplarsQuery) -> Result<ExemplarPage, ReadError> {
        let (filter, mut bound) = points(&query.metric, query.range, &query.filter);
        bound.extend([
            parameters::number("after_time", query.after.map_or(i64::MAX, |after| after.time.nanos())),
            parameters::number("after_tie", query.after.map_or(u64::MAX, |after| after.tie)),
            parameters::number("limit", query.limit + 1),
        ]);
        let rows = self.select(&query.tenant, EXEMPLARS.replace("{{filter}}", &filter), bound).await?;
        let placed = by_time(&rows).map_err(|error| failed(&error))?;
        if placed.is_empty() {
            self.known(&query.tenant, &query.metric).await?;
        }
        Ok(page(placed, query.limit, rows.rows_read))
    }
}
