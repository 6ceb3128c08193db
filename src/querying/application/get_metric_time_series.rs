//! `GetMetricTimeSeries`: one aggregation of a metric over time, by group.

use std::sync::Arc;
use std::time::Duration;

use crate::querying::domain::{
    Aggregation, BucketQuery, Fill, MetricDescription, NotComputable, Partial, Points, Ranking,
};
use crate::shared::{Clock, TenantId, Timestamp};

use super::ports::{CacheStatus, CacheUse, MetricReader, ReadError};

/// Values in one answer, over all series: about 20 MB of JSON.
pub const VALUES_MAX: usize = 1_000_000;

/// The question.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeSeriesQuery {
    pub buckets: BucketQuery,
    pub aggregation: Aggregation,
    /// Which groups are in the answer.
    pub ranking: Ranking,
    pub fill: Fill,
    pub cache: CacheUse,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeSeries {
    pub description: MetricDescription,
    /// Starts of the buckets.
    pub times: Vec<Timestamp>,
    pub series: Vec<Points>,
    /// How many groups there are, also those beyond the limit.
    pub series_total: usize,
    pub partial: Partial,
    pub cache: CacheStatus,
    /// Rows that the store read (or, where it does not tell, gave) for it; 0 if the cache answered.
    pub rows_read: u64,
    /// Steps of time that the cache answered, out of all that were asked for.
    pub buckets_cached: u64,
    pub buckets_asked: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeSeriesError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    NotComputable(#[from] NotComputable),
}

/// The use case.
pub struct GetMetricTimeSeries<R> {
    reader: Arc<R>,
    clock: Arc<dyn Clock>,
}

impl<R> std::fmt::Debug for GetMetricTimeSeries<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GetMetricTimeSeries")
    }
}

impl<R: MetricReader> GetMetricTimeSeries<R> {
    pub fn new(reader: Arc<R>, clock: Arc<dyn Clock>) -> Self {
        Self { reader, clock }
    }

    /// How often a metric was sent lately; absent if that is not known.
    pub async fn sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        now: Timestamp,
    ) -> Result<Option<Duration>, ReadError> {
        self.reader.sample_interval(tenant, metric, now).await
    }

    pub async fn handle(&self, query: &TimeSeriesQuery) -> Result<TimeSeries, TimeSeriesError> {
        let read = self.reader.buckets(&query.buckets, query.cache).await?;
        query.aggregation.check(&read.answer.description)?;
        let times = query.buckets.times();
        if read.answer.groups.len().min(query.ranking.limit).saturating_mul(times.len()) > VALUES_MAX {
            return Err(ReadError::TooLarge.into());
        }
        Ok(TimeSeries {
            description: read.answer.description.clone(),
            times,
            series: query.buckets.ranked(&read.answer, query.aggregation, query.ranking, query.fill),
            series_total: read.answer.groups.len(),
            partial: query.buckets.partial(self.clock.now()),
            cache: read.cache,
            rows_read: read.answer.rows_read,
            buckets_cached: read.answer.buckets_cached,
            buckets_asked: read.answer.buckets_asked,
        })
    }
}
