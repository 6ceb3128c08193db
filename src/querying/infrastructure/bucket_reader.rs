//! Reads points of a metric from the store, a bounded number at a time, and folds them into buckets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Rows, StoreError, parameters};
use crate::querying::application::ReadError;
use crate::querying::domain::{
    BucketQuery, DistributionPoint, Fold, GroupSeries, Meaning, MetricDescription, NumberPoint, RolledPoint,
    TooManyBuckets,
};
use crate::shared::{SeriesId, TenantId, TimeRange, Timestamp};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::point_table::{PointTable, Starts};
use super::runs::{Runs, SeriesRows};
use super::series_groups::{Place, SeriesGroups, series_condition};
use super::stored_points::StoredPoint;

const POINT_COUNT: &str = include_str!("../../../clickhouse/querying/point_count.sql");

const SAMPLE_INTERVAL: &str = include_str!("../../../clickhouse/querying/sample_interval.sql");

/// How far back is looked for how often a metric is sent.
const SAMPLES_WITHIN: Duration = Duration::from_secs(6 * 3_600);
/// Most pieces that one range is read in.
const PIECES_MAX: u64 = 10_000;

/// Why points could not be folded.
#[derive(Debug)]
pub enum FoldError {
    Read(ReadError),
    /// A point's series is not among those that were looked up: it came later.
    NewSeries,
    /// The points are not in memory any more.
    Gone,
}

impl From<ReadError> for FoldError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Buckets, and how many rows were read for them.
#[derive(Debug)]
pub struct ReadGroups {
    pub groups: Vec<GroupSeries>,
    pub rows_read: u64,
}

/// Which points are read.
#[derive(Debug, Clone)]
pub struct PointsQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
    pub table: PointTable,
    pub starts: Starts,
    pub range: TimeRange,
    /// Absent for all.
    pub series: Option<Arc<[SeriesId]>>,
}

/// What was folded by now.
struct Reading<'a> {
    fold: Fold,
    groups: &'a Arc<SeriesGroups>,
    rows_read: u64,
}

/// A fold on its way, and the last point of each series that is compared with it.
pub(super) struct Folding<P> {
    pub fold: Fold,
    pub groups: Arc<SeriesGroups>,
    pub before: HashMap<SeriesId, P, ahash::RandomState>,
}

impl<P: StoredPoint> Folding<P> {
    pub fn begin(fold: Fold, groups: &Arc<SeriesGroups>) -> Self {
        Self { fold, groups: Arc::clone(groups), before: HashMap::default() }
    }

    pub fn take(mut self, runs: &Runs<'_, P>) -> Result<Self, FoldError> {
        runs.series().try_for_each(|series| self.take_series(&series))?;
        Ok(self)
    }

    /// Leaves out series without a point before a time, which nobody may know.
    pub fn take_until(&mut self, end: Timestamp, runs: &Runs<'_, P>) -> Result<(), FoldError> {
        let mut within = runs.series().filter(|series| series.first_time() < end.nanos());
        within.try_for_each(|series| self.take_series(&series))
    }

    fn take_series(&mut self, series: &SeriesRows<'_, '_, P>) -> Result<(), FoldError> {
        let id = series.id();
        match self.groups.place(id).ok_or(FoldError::NewSeries)? {
            Place::Out => Ok(()),
            Place::Group { number, meaning } => {
                let mut before = self.before.remove(&id);
                let folded = self.fold.add(number, meaning, &mut before, series.points());
                // Of a level nobody asks what was before.
                if meaning == Meaning::Cumulative {
                    self.before.extend(before.map(|before| (id, before)));
                }
                folded.map_err(|TooManyBuckets| FoldError::Read(ReadError::TooLarge))
            }
        }
    }
}

impl ClickHouseReader {
    /// The buckets of a range, from the points in the store.
    pub(super) async fn fold_stored(
        &self,
        query: &BucketQuery,
        description: &MetricDescription,
        groups: &Arc<SeriesGroups>,
    ) -> Result<ReadGroups, FoldError> {
        if groups.is_empty() {
            return Ok(ReadGroups { groups: Vec::new(), rows_read: 0 });
        }
        let fold = Fold::new(query.range, query.interval, groups.labels().len(), self.buckets_max());
        let mut read = Reading { fold, groups, rows_read: 0 };
        match PointTable::of(&description.kind) {
            PointTable::Numbers => self.fold_numbers(query, &mut read).await?,
            table => self.fold_points::<DistributionPoint>(query, table, &mut read).await?,
        }
        Ok(ReadGroups { groups: read.fold.finish(groups.labels()), rows_read: read.rows_read })
    }

    /// From rollups where they say what points say, and from points around them.
    async fn fold_numbers(&self, query: &BucketQuery, read: &mut Reading<'_>) -> Result<(), FoldError> {
        let mut from = query.range.start();
        if let Some(rollup) = PointTable::rollup_for(query.interval) {
            for hours in self.rollups().covered(&query.tenant, &query.metric, query.range) {
                let before = (from, hours.start());
                self.fold_between::<NumberPoint>(query, PointTable::Numbers, before, read).await?;
                self.fold_points::<RolledPoint>(&query.over(hours), rollup, read).await?;
                from = hours.end();
            }
        }
        self.fold_between::<NumberPoint>(query, PointTable::Numbers, (from, query.range.end()), read).await
    }

    async fn fold_between<P: StoredPoint>(
        &self,
        query: &BucketQuery,
        table: PointTable,
        (start, end): (Timestamp, Timestamp),
        read: &mut Reading<'_>,
    ) -> Result<(), FoldError> {
        match TimeRange::new(start, end) {
            Some(range) => self.fold_points::<P>(&query.over(range), table, read).await,
            None => Ok(()),
        }
    }

    async fn fold_points<P: StoredPoint>(
        &self,
        query: &BucketQuery,
        table: PointTable,
        read: &mut Reading<'_>,
    ) -> Result<(), FoldError> {
        let compared = P::LOOKS_BACK && read.groups.any_cumulative();
        let points = PointsQuery {
            tenant: query.tenant.clone(),
            metric: query.metric.clone(),
            table,
            starts: if compared { Starts::Needed } else { Starts::Unneeded },
            range: if compared { query.range_with_look_back() } else { query.range },
            series: read.groups.named().map(Into::into),
        };
        let fold = std::mem::replace(&mut read.fold, Fold::nothing()).within(query.range);
        let folding = Folding::<P>::begin(fold, read.groups);
        let (folding, rows_read) = self.visit_points(&points, folding, Folding::take).await?;
        read.fold = folding.fold;
        read.rows_read += rows_read;
        Ok(())
    }

    /// Hands all points over, in pieces in order of time, each with no more rows than may be read at once. `take` runs on a
    /// thread that may be busy.
    pub(super) async fn visit_points<P, S, F>(
        &self,
        query: &PointsQuery,
        mut state: S,
        take: F,
    ) -> Result<(S, u64), FoldError>
    where
        P: StoredPoint,
        S: Send + 'static,
        F: Fn(S, &Runs<'_, P>) -> Result<S, FoldError> + Send + Sync + Clone + 'static,
    {
        let table = query.table;
        let mut rows_read = 0;
        let mut pending = vec![query.range];
        while let Some(range) = pending.pop() {
            let rows = self.select_points(query, range).await?;
            rows_read += rows.rows_read;
            let found: usize = rows.batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
            if found > query.table.rows_max() {
                pending.extend(self.pieces(query, range).await?.into_iter().rev());
                continue;
            }
            let take = take.clone();
            let taken = tokio::task::spawn_blocking(move || {
                take(state, &Runs::of(table, &rows).map_err(|error| failed(&error))?)
            });
            state = taken.await.map_err(|_| ReadError::Unavailable)??;
        }
        Ok((state, rows_read))
    }

    async fn select_points(&self, query: &PointsQuery, range: TimeRange) -> Result<Rows, ReadError> {
        let (condition, series) = series_condition(query.series.as_deref());
        let mut bound = vec![
            parameters::text("metric", &query.metric),
            parameters::number("start", range.start().nanos().max(0)),
            parameters::number("end", range.end().nanos()),
            parameters::number("rows_max", query.table.rows_max() + 1),
        ];
        bound.extend(series);
        self.select_many(
            &query.tenant,
            query.table.statement(query.starts).replace("{{series}}", condition),
            bound,
        )
        .await
    }

    /// Cuts a range that has too many points into equal parts that probably have few enough.
    async fn pieces(&self, query: &PointsQuery, range: TimeRange) -> Result<Vec<TimeRange>, ReadError> {
        let (condition, series) = series_condition(query.series.as_deref());
        let mut bound = vec![
            parameters::text("metric", &query.metric),
            parameters::number("start", range.start().nanos().max(0)),
            parameters::number("end", range.end().nanos()),
        ];
        bound.extend(series);
        let statement = POINT_COUNT.replace("{{table}}", query.table.name()).replace("{{series}}", condition);
        let rows = self.select(&query.tenant, statement, bound).await?;
        let count = counted(&rows).map_err(|error| failed(&error))?;
        // Points are never quite even over time.
        let parts = (count * 5 / 4 / query.table.rows_max() as u64 + 1).max(2);
        cut(range, parts).filter(|_| parts <= PIECES_MAX).ok_or(ReadError::TooLarge)
    }
}

impl ClickHouseReader {
    pub(super) async fn read_sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        table: PointTable,
        now: Timestamp,
    ) -> Result<Option<Duration>, ReadError> {
        let bound = vec![
            parameters::text("metric", metric),
            parameters::number("start", now.minus(SAMPLES_WITHIN).nanos().max(0)),
        ];
        let rows = self.select(tenant, SAMPLE_INTERVAL.replace("{{table}}", table.name()), bound).await?;
        let found = sample_interval(&rows).map_err(|error| failed(&error))?;
        Ok(found.and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos))
    }
}

fn sample_interval(rows: &Rows) -> Result<Option<i64>, StoreError> {
    let Some(batch) = rows.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    Ok(Columns(batch).integers("nanos")?.values().first().copied())
}

fn counted(rows: &Rows) -> Result<u64, StoreError> {
    let mut count = 0;
    for batch in &rows.batches {
        count += Columns(batch).counts("points")?.values().iter().sum::<u64>();
    }
    Ok(count)
}

/// Absent if the range is too short to be cut.
fn cut(range: TimeRange, parts: u64) -> Option<Vec<TimeRange>> {
    let (start, end) = (range.start().nanos(), range.end().nanos());
    let width = (end - start) / i64::try_from(parts).ok()?;
    if width < 1 {
        return None;
    }
    let at = |part: u64| match i64::try_from(part) {
        Ok(part) if part.unsigned_abs() < parts => Timestamp::from_nanos(start + part * width),
        _ => Timestamp::from_nanos(end),
    };
    Some((0..parts).filter_map(|part| TimeRange::new(at(part), at(part + 1))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_parts_without_gaps() {
        let range =
            |start, end| TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end)).unwrap();
        assert_eq!(cut(range(10, 20), 3), Some(vec![range(10, 13), range(13, 16), range(16, 20)]));
        assert_eq!(cut(range(10, 11), 2), None);
    }
}
