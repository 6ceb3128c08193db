//! `GET /api/v2/metrics`: the catalogue, or with `metricName` one metric over time.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::platform::http::Problem;
use crate::querying::application::{MetricReader, TimeSeriesError};
use crate::shared::TenantId;
use crate::tenancy::Caller;

use super::QueryApi;
use super::answers::{CatalogueBody, TimeSeriesBody};
use super::exchange::{Pairs, cached_answer, milliseconds, parameters, problem};
use super::parameters::{Parameters, asks_for_catalogue};

pub(super) async fn handle<R: MetricReader + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let parameters = parameters(pairs)?;
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
    let now = api.clock.now();
    let sample_interval = match parameters.auto_interval_of() {
        Some(metric) => {
            let sampled = api.time_series.sample_interval(&tenant, &metric, now).await;
            sampled.map_err(|error| problem(&error))?
        }
        None => None,
    };
    let (query, from) = parameters.time_series(tenant, api.bounds, now, sample_interval)?;
    let read = api.time_series.handle(&query).await.map_err(|error| match error {
        TimeSeriesError::Read(error) => problem(&error),
        TimeSeriesError::NotComputable(error) => {
            Problem::not_computable(error.to_string()).with_field("aggregation")
        }
    })?;
    let elapsed_ms = milliseconds(started);
    Ok(cached_answer(&TimeSeriesBody::new(&query, from, &read, elapsed_ms), elapsed_ms, read.cache))
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
