//! `GET /api/v2/service-map`: which service called which, from spans and their parents.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::SearchReader;
use crate::tenancy::Caller;

use super::SearchApi;
use super::exchange::{Pairs, answer, milliseconds, parameters, problem};
use super::get_services::Durations;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceMapBody {
    calls: Vec<Edge>,
    /// Whether there are more than `limit`.
    more: bool,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceCalls")]
struct Edge {
    caller: String,
    callee: String,
    calls: u64,
    errors: u64,
    duration_ms: Durations,
}

pub(super) async fn handle<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.service_map(caller.tenant, api.clock.now())?;
    let (found, more) = api.search.service_calls(query).await.map_err(|error| problem(&error))?;
    let calls = found.into_iter().map(|edge| Edge {
        caller: edge.caller,
        callee: edge.callee,
        calls: edge.calls,
        errors: edge.errors,
        duration_ms: Durations::from_nanos(edge.durations),
    });
    let elapsed_ms = milliseconds(started);
    Ok(answer(&ServiceMapBody { calls: calls.collect(), more, elapsed_ms }, elapsed_ms))
}
