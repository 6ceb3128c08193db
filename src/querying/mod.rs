//! Querying: answers questions about what is stored, from a cache that is never stale. Owns every SELECT.

mod application;
mod domain;
mod infrastructure;
mod presentation;

pub use application::{
    ExploreMetrics, FeedLimits, GetMetricTimeSeries, ListMetrics, LiveFeed, ReadError, Search, StreamCounters,
};
pub use infrastructure::{
    CacheCounters, CachedReader, ClickHouseReader, Generations, Panes, QueryCounters, ReaderLimits,
    SecondLevel, SecondLevelCounters, SharedChanges, pane_bytes,
};
/// Stages of a query one by one: for benchmarks.
pub mod stages {
    pub use super::domain::{Bucket, Fold, GroupSeries, Meaning, NumberPoint, Point, TooManyBuckets};
    pub use super::infrastructure::{PointTable, Row, Runs, SeriesRows, StoredPoint};
}

pub use presentation::{
    PATHS, QueryApi, QueryBounds, SearchApi, operations, router, search_router, stream_router,
};
