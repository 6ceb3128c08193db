//! `GET /api/v2/metrics`: the catalogue, or with `metricName` one metric over time.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::platform::http::Problem;
use crate::querying::application::{MetricReader, TimeSeriesError};
use crate::shared::TenantId;
use crate::tenancy::Caller;

use super::QueryApi;
use super::answers::{CatalogueBody, TimeSeriesBody};
use super::entity_tag::EntityTag;
use super::exchange::{Pairs, cached_answer, milliseconds, parameters, problem, with_cache_headers};
use super::formats::{Format, RowsBody, csv, prometheus};
use super::parameters::{Parameters, asks_for_catalogue};

pub(super) async fn handle<R: MetricReader + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let parameters = parameters(pairs)?;
    if asks_for_catalogue(&parameters) {
        catalogue(&api, caller.tenant, &parameters).await
    } else {
        time_series(&api, caller.tenant, &parameters, &headers).await
    }
}

async fn time_series<R: MetricReader>(
    api: &QueryApi<R>,
    tenant: TenantId,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let now = api.clock.now();
    let sample_interval = match parameters.auto_interval_of() {
        Some(metric) => {
            let sampled = api.time_series.sample_interval(&tenant, &metric, now).await;
            sampled.map_err(|error| problem(&error))?
        }
        None => None,
    };
    let (query, from) = parameters.time_series(tenant, api.bounds, now, sample_interval)?;
    let format = parameters.format(query.aggregation)?;
    let read = api.time_series.handle(&query).await.map_err(time_series_problem)?;
    let elapsed_ms = milliseconds(started);
    let tag = EntityTag::of(&query, format, &read);
    let response = if tag.is_known(headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match format {
            Format::Json => Json(TimeSeriesBody::new(&query, from, &read, elapsed_ms)).into_response(),
            Format::Rows => Json(RowsBody::new(&query, from, &read, elapsed_ms)).into_response(),
            Format::Csv => csv(&query, &read),
            Format::Prometheus => Json(prometheus(&query, &read)).into_response(),
        }
    };
    Ok(tag.on(with_cache_headers(response, elapsed_ms, read.cache)))
}

pub(super) fn time_series_problem(error: TimeSeriesError) -> Problem {
    match error {
        TimeSeriesError::Read(error) => problem(&error),
        TimeSeriesError::NotComputable(error) => {
            Problem::not_computable(error.to_string()).with_field("aggregation")
        }
    }
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
    Ok(cached_answer(&CatalogueBody::new(&read, elapsed_ms), elapsed_ms, read.cache))
}
