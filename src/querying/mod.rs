//! Querying: answers questions about what is stored, from a cache that is never stale. Owns every SELECT.

mod application;
mod domain;
mod infrastructure;
mod presentation;

pub use application::{
    ExploreMetrics, FeedLimits, GetMetricTimeSeries, ListMetrics, LiveFeed, Search, StreamCounters,
};
pub use infrastructure::{
    CacheCounters, CachedReader, ClickHouseReader, Generations, Panes, QueryCounters, ReaderLimits,
    pane_bytes,
};
pub use presentation::{
    PATHS, QueryApi, QueryBounds, SearchApi, operations, router, search_router, stream_router,
};
