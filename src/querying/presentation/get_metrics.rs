//! `GET /api/v2/metrics`: the catalogue, or with `metricName` one metric over time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::platform::http::Problem;
use crate::querying::application::{MetricReader, ReadError, TimeSeriesError};
use crate::shared::TenantId;
use crate::tenancy::Caller;

use super::QueryApi;
use super::answers::{CatalogueBody, TimeSeriesBody};
use super::parameters::{Parameters, asks_for_catalogue};

/// After which time a client may ask again when the server is busy.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

pub(super) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(super) async fn handle<R: MetricReader + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let Query(pairs) = pairs.map_err(|_| Problem::invalid("the query string cannot be decoded"))?;
    let parameters = Parameters::new(pairs);
    if asks_for_catalogue(&parameters) {
        catalogue(&api, caller.tenant, &parameters).await
    } else {
        time_series(&api, caller.tenant, &parameters).await
    }
}

async fn time_series<R: MetricReader>(
    api: &QueryApi<R>,
    tenant: TenantId,
    parameters: &Parameters,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters.time_series(tenant, api.bounds, api.clock.now())?;
    let answer = api.time_series.handle(&query).await.map_err(|error| match error {
        TimeSeriesError::Read(error) => problem(&error),
        TimeSeriesError::NotComputable(error) => {
            Problem::not_computable(error.to_string()).with_field("aggregation")
        }
    })?;
    let elapsed_ms = milliseconds(started);
    let body = Json(TimeSeriesBody::new(&query, &answer, elapsed_ms)).into_response();
    Ok(with_headers(body, elapsed_ms, answer.cache.name()))
}

async fn catalogue<R: MetricReader>(
    api: &QueryApi<R>,
    tenant: TenantId,
    parameters: &Parameters,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let (query, cache) = parameters.catalogue(tenant)?;
    let read = api.metrics.handle(&query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = Json(CatalogueBody::new(&read, elapsed_ms)).into_response();
    Ok(with_headers(body, elapsed_ms, read.cache.name()))
}

pub(super) fn problem(error: &ReadError) -> Problem {
    match error {
        ReadError::UnknownMetric { near } => Problem::not_found(error.to_string())
            .with_field("metricName")
            .with_near(near.iter().map(|name| &**name)),
        ReadError::Busy => Problem::too_many_requests(error.to_string(), RETRY_AFTER),
        ReadError::TooLarge => Problem::invalid(format!("{error}: shorten the range or narrow the filter")),
        ReadError::Value => Problem::invalid(error.to_string()).with_field("filter"),
        ReadError::Unavailable => Problem::unavailable(error.to_string(), RETRY_AFTER),
    }
}

pub(super) fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// The server's own cache knows when data changed; a cache on the way does not.
pub(super) fn with_headers(mut response: Response, elapsed_ms: f64, cache: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(timing) = HeaderValue::try_from(format!("query;dur={elapsed_ms};desc=\"cache {cache}\"")) {
        headers.insert(SERVER_TIMING, timing);
    }
    response
}
