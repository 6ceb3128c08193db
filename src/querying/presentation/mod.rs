//! The query API over HTTP: `/api/v2/...`.

mod answers;
mod get_metrics;
mod parameters;
mod time_text;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::querying::application::{GetMetricTimeSeries, ListMetrics, MetricReader};
use crate::shared::Clock;
use crate::tenancy::{Access, Action, guarded};

/// Path of the metric queries.
pub const METRICS_PATH: &str = "/api/v2/metrics";

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
    pub bounds: QueryBounds,
    pub clock: Arc<dyn Clock>,
}

impl<R> std::fmt::Debug for QueryApi<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryApi").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// The routes. Only keys that may read come in, and each reads its own tenant's data.
pub fn router<R: MetricReader + 'static>(api: Arc<QueryApi<R>>, access: Access) -> Router {
    let routes = Router::new().route(METRICS_PATH, get(get_metrics::handle::<R>)).with_state(api);
    guarded(routes, access, Action::Read)
}
