//! Port: whoever knows what is stored.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::querying::domain::{BucketQuery, CataloguePage, CatalogueQuery, MetricBuckets};
use crate::shared::{TenantId, Timestamp};

/// Whether an answer may come from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    Auto,
    Bypass,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    Hit,
    Miss,
    Bypass,
}

impl CacheStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// An answer and where it came from.
#[derive(Debug, Clone)]
pub struct Read<T> {
    pub answer: Arc<T>,
    pub cache: CacheStatus,
}

impl<T> Read<T> {
    /// What the store read for this very answer: nothing if the cache had it.
    pub fn rows_read(&self, rows: u64) -> u64 {
        if self.cache == CacheStatus::Hit { 0 } else { rows }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the metric is not known")]
    UnknownMetric { near: Vec<Box<str>> },
    #[error("too many queries at once")]
    Busy,
    #[error("the query passes a limit on time, memory, rows or points")]
    TooLarge,
    #[error("a value in the query is not acceptable to the store")]
    Value,
    #[error("the store is not available")]
    Unavailable,
}

/// Reads metrics.
pub trait MetricReader: Send + Sync {
    fn buckets(
        &self,
        query: &BucketQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<MetricBuckets>, ReadError>> + Send;

    /// How far apart the points of a series of the metric lay lately; absent if there are too few to tell.
    fn sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Duration>, ReadError>> + Send;

    fn catalogue(
        &self,
        query: &CatalogueQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<CataloguePage>, ReadError>> + Send;
}
