//! `GetMetricTimeSeries`: one aggregation of a metric over time, by group.

use std::sync::Arc;

use crate::querying::domain::{Aggregation, BucketQuery, MetricDescription, NotComputable, Partial, Points};
use crate::shared::{Clock, Timestamp};

use super::ports::{CacheStatus, CacheUse, MetricReader, ReadError};

/// Values in one answer, over all series: about 20 MB of JSON.
pub const VALUES_MAX: usize = 1_000_000;

/// The question.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeSeriesQuery {
    pub buckets: BucketQuery,
    pub aggregation: Aggregation,
    /// Most groups in the answer; those with the highest values stay.
    pub limit: usize,
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
    /// Rows that the store read for it; 0 if the cache answered.
    pub rows_read: u64,
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

    pub async fn handle(&self, query: &TimeSeriesQuery) -> Result<TimeSeries, TimeSeriesError> {
        let read = self.reader.buckets(&query.buckets, query.cache).await?;
        query.aggregation.check(&read.answer.description)?;
        let times = query.buckets.times();
        if read.answer.groups.len().min(query.limit).saturating_mul(times.len()) > VALUES_MAX {
            return Err(ReadError::TooLarge.into());
        }
        Ok(TimeSeries {
            description: read.answer.description.clone(),
            times,
            series: query.buckets.top(&read.answer, query.aggregation, query.limit),
            series_total: read.answer.groups.len(),
            partial: query.buckets.partial(self.clock.now()),
            cache: read.cache,
            rows_read: if read.cache == CacheStatus::Hit { 0 } else { read.answer.rows_read },
        })
    }
}
