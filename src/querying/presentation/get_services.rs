//! `GET /api/v2/services`, `GET /api/v2/services/{name}/operations`: requests, errors and durations, from spans.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::{SearchReader, SpanRates};
use crate::querying::domain::RatesQuery;
use crate::tenancy::Caller;

use super::SearchApi;
use super::exchange::{Pairs, answer, milliseconds, parameters, problem};

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicesBody {
    services: Vec<Rates>,
    /// Whether there are more than `limit`.
    more: bool,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationsBody {
    operations: Vec<Rates>,
    more: bool,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    name: String,
    spans: u64,
    /// Different span names; only of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<u64>,
    requests: u64,
    /// Requests per second of the range.
    rate: f64,
    errors: u64,
    /// Of the requests, 0 to 1.
    error_share: f64,
    duration_ms: Durations,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Durations {
    p50: f64,
    p95: f64,
    p99: f64,
}

impl Durations {
    pub(super) fn from_nanos(quantiles: [f64; 3]) -> Self {
        let [p50, p95, p99] = quantiles.map(|nanos| nanos / 1e6);
        Self { p50, p95, p99 }
    }
}

pub(super) async fn services<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.services_rates(caller.tenant, api.clock.now())?;
    let (services, more) = rates(&api, query).await?;
    let elapsed_ms = milliseconds(started);
    Ok(answer(&ServicesBody { services, more, elapsed_ms }, elapsed_ms))
}

pub(super) async fn operations<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    service: Result<Path<String>, PathRejection>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let Path(service) = service.map_err(|_| Problem::invalid("cannot be decoded").with_field("service"))?;
    let query = parameters(pairs)?.operations_rates(caller.tenant, &service, api.clock.now())?;
    let (mut operations, more) = rates(&api, query).await?;
    operations.iter_mut().for_each(|operation| operation.operations = None);
    let elapsed_ms = milliseconds(started);
    Ok(answer(&OperationsBody { operations, more, elapsed_ms }, elapsed_ms))
}

/// The rows, and whether there are more.
async fn rates<R: SearchReader>(
    api: &SearchApi<R>,
    query: RatesQuery,
) -> Result<(Vec<Rates>, bool), Problem> {
    let seconds = query.range.end().since(query.range.start()).as_secs_f64();
    let (found, more) = api.search.rates(query).await.map_err(|error| problem(&error))?;
    Ok((found.into_iter().map(|rates| row(rates, seconds)).collect(), more))
}

#[allow(clippy::cast_precision_loss, reason = "counts of spans are far below 2^53")]
fn row(rates: SpanRates, seconds: f64) -> Rates {
    Rates {
        name: rates.name,
        spans: rates.spans,
        operations: Some(rates.operations),
        requests: rates.requests,
        rate: rates.requests as f64 / seconds,
        errors: rates.errors,
        error_share: if rates.requests == 0 { 0.0 } else { rates.errors as f64 / rates.requests as f64 },
        duration_ms: Durations::from_nanos(rates.durations),
    }
}
