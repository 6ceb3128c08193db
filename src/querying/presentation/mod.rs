//! The query API over HTTP: `/api/v2/...`.

mod answers;
mod described;
mod entity_tag;
mod exchange;
mod formats;
mod get_cardinality;
mod get_labels;
mod get_logs;
mod get_metrics;
mod get_series;
mod get_service_map;
mod get_services;
mod get_stream;
mod get_traces;
mod operations;
mod otlp_json;
mod parameters;
mod post_metrics_query;
mod search_parameters;
mod series_parameters;
mod stream_events;
mod stream_parameters;
mod time_series_parameters;
mod time_text;
mod trace_parameters;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::querying::application::{
    ExploreMetrics, GetMetricTimeSeries, ListMetrics, LiveFeed, MetricExplorer, MetricReader, Search,
    SearchReader,
};
use crate::shared::Clock;
use crate::tenancy::{Access, Action, guarded};

pub use operations::operations;

const METRICS_PATH: &str = "/api/v2/metrics";
const METRICS_QUERY_PATH: &str = "/api/v2/metrics/query";
const METADATA_PATH: &str = "/api/v2/metrics/metadata";
const LABELS_PATH: &str = "/api/v2/metrics/labels";
const LABEL_VALUES_PATH: &str = "/api/v2/metrics/labels/values";
const SERIES_PATH: &str = "/api/v2/metrics/series";
const CARDINALITY_PATH: &str = "/api/v2/metrics/cardinality";
const EXEMPLARS_PATH: &str = "/api/v2/metrics/exemplars";
const LOGS_PATH: &str = "/api/v2/logs";
const LOG_HISTOGRAM_PATH: &str = "/api/v2/logs/histogram";
const LOG_CONTEXT_PATH: &str = "/api/v2/logs/context";
const LOG_TAIL_PATH: &str = "/api/v2/logs/tail";
const STREAM_PATH: &str = "/api/v2/stream";
const TRACES_PATH: &str = "/api/v2/traces";
const TRACE_PATH: &str = "/api/v2/traces/{id}";
const SERVICES_PATH: &str = "/api/v2/services";
const SERVICE_MAP_PATH: &str = "/api/v2/service-map";
const OPERATIONS_PATH: &str = "/api/v2/services/{name}/operations";

/// What can be asked for, to suggest for a path that is not known.
pub const PATHS: [&str; 18] = [
    METRICS_PATH,
    METRICS_QUERY_PATH,
    METADATA_PATH,
    LABELS_PATH,
    LABEL_VALUES_PATH,
    SERIES_PATH,
    CARDINALITY_PATH,
    EXEMPLARS_PATH,
    LOGS_PATH,
    LOG_HISTOGRAM_PATH,
    LOG_CONTEXT_PATH,
    LOG_TAIL_PATH,
    STREAM_PATH,
    TRACES_PATH,
    TRACE_PATH,
    SERVICES_PATH,
    OPERATIONS_PATH,
    SERVICE_MAP_PATH,
];

/// Bounds on one query.
#[derive(Debug, Clone, Copy)]
pub struct QueryBounds {
    /// Buckets of one series.
    pub points_max: u64,
    /// Series in one answer.
    pub series_max: usize,
}

/// What the query routes work with.
pub struct QueryApi<R> {
    pub time_series: GetMetricTimeSeries<R>,
    pub metrics: ListMetrics<R>,
    pub explore: ExploreMetrics<R>,
    pub bounds: QueryBounds,
    pub clock: Arc<dyn Clock>,
}

impl<R> std::fmt::Debug for QueryApi<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryApi").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// The routes. Only keys that may read come in, and each reads its own tenant's data.
pub fn router<R>(api: Arc<QueryApi<R>>, access: Access) -> Router
where
    R: MetricReader + MetricExplorer + 'static,
{
    let routes = Router::new()
        .route(METRICS_PATH, get(get_metrics::handle::<R>))
        .route(METRICS_QUERY_PATH, post(post_metrics_query::handle::<R>))
        .layer(DefaultBodyLimit::max(post_metrics_query::BODY_BYTES_MAX))
        .route(METADATA_PATH, get(get_series::metadata::<R>))
        .route(LABELS_PATH, get(get_labels::names::<R>))
        .route(LABEL_VALUES_PATH, get(get_labels::values::<R>))
        .route(SERIES_PATH, get(get_series::series::<R>))
        .route(CARDINALITY_PATH, get(get_cardinality::handle::<R>))
        .route(EXEMPLARS_PATH, get(get_series::exemplars::<R>))
        .with_state(api);
    guarded(routes, access, Action::Read)
}

/// What the routes over log records and spans work with.
pub struct SearchApi<R> {
    pub search: Search<R>,
    /// Buckets of a histogram.
    pub points_max: u64,
    pub clock: Arc<dyn Clock>,
}

impl<R> std::fmt::Debug for SearchApi<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchApi").field("search", &self.search).finish_non_exhaustive()
    }
}

/// As [`router`], over log records and spans.
pub fn search_router<R: SearchReader + 'static>(api: Arc<SearchApi<R>>, access: Access) -> Router {
    let routes = Router::new()
        .route(LOGS_PATH, get(get_logs::handle::<R>))
        .route(LOG_HISTOGRAM_PATH, get(get_logs::histogram::<R>))
        .route(LOG_CONTEXT_PATH, get(get_logs::context::<R>))
        .route(TRACES_PATH, get(get_traces::search::<R>))
        .route(TRACE_PATH, get(get_traces::one::<R>))
        .route(SERVICES_PATH, get(get_services::services::<R>))
        .route(SERVICE_MAP_PATH, get(get_service_map::handle::<R>))
        .route(OPERATIONS_PATH, get(get_services::operations::<R>))
        .with_state(api);
    guarded(routes, access, Action::Read)
}

/// As [`router`], over what happens now.
pub fn stream_router(feed: Arc<LiveFeed>, access: Access) -> Router {
    let routes = Router::new()
        .route(STREAM_PATH, get(get_stream::stream))
        .route(LOG_TAIL_PATH, get(get_stream::tail))
        .with_state(feed);
    guarded(routes, access, Action::Read)
}
