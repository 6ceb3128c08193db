//! What all query routes do alike: read the query string, turn errors into problems, send a body with its headers.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::{CacheStatus, ReadError};

use super::parameters::Parameters;

/// After which time a client may ask again when the server is busy.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The query string, if it can be decoded.
pub(super) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(super) fn parameters(pairs: Pairs) -> Result<Parameters, Problem> {
    let Query(pairs) = pairs.map_err(|_| Problem::invalid("the query string cannot be decoded"))?;
    Ok(Parameters::new(pairs))
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

pub(super) fn cached_answer<T: Serialize>(body: &T, elapsed_ms: f64, cache: CacheStatus) -> Response {
    with_cache_headers(Json(body).into_response(), elapsed_ms, cache)
}

/// The server's own cache knows when data changed; a cache on the way does not, so it has to ask.
pub(super) fn with_cache_headers(mut response: Response, elapsed_ms: f64, cache: CacheStatus) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let timing = format!("query;dur={elapsed_ms};desc=\"cache {}\"", cache.name());
    if let Ok(timing) = HeaderValue::try_from(timing) {
        headers.insert(SERVER_TIMING, timing);
    }
    response
}

/// Of what is not cached.
pub(super) fn answer<T: Serialize>(body: &T, elapsed_ms: f64) -> Response {
    cached_answer(body, elapsed_ms, CacheStatus::Bypass)
}
