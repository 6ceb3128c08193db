//! The questions that can be asked, one file per use case, and the port to what answers them.

pub mod explore_metrics;
pub mod get_metric_time_series;
pub mod list_metrics;
pub mod live;
pub mod ports;
pub mod read_models;
pub mod search;
pub mod series_answers;

pub use explore_metrics::{ExploreMetrics, MetricExplorer};
pub use get_metric_time_series::{GetMetricTimeSeries, TimeSeries, TimeSeriesError, TimeSeriesQuery};
pub use list_metrics::ListMetrics;
pub use live::{FeedLimits, LiveFeed, NotSubscribed, StreamCounters, Subscription};
pub use ports::{CacheStatus, CacheUse, MetricReader, Read, ReadError};
pub use read_models::{
    Attributes, LogRecord, Page, Resource, Scope, ServiceCalls, Span, SpanEvent, SpanLink, SpanRates,
    TraceSpans, TraceSummary, id_text, moment_text,
};
pub use search::{Search, SearchReader};
