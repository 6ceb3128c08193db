//! `GET /api/v2/traces`: traces that pass a filter; `GET /api/v2/traces/{id}`: one with all its spans, as JSON or as OTLP/JSON.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::{SearchReader, Span, TraceSummary};
use crate::tenancy::Caller;

use super::SearchApi;
use super::exchange::{Pairs, answer, milliseconds, parameters, problem};
use super::otlp_json::traces_data;
use super::search_parameters::trace_id;
use super::trace_parameters::{TraceFormat, trace_cursor_text};

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TracesBody<'a> {
    traces: &'a [TraceSummary],
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    rows_read: u64,
    elapsed_ms: f64,
}

pub(super) async fn search<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.traces(caller.tenant, api.clock.now())?;
    let page = api.search.traces(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let next = page.next.as_ref().map(trace_cursor_text);
    let body = TracesBody { traces: &page.rows, next, rows_read: page.rows_read, elapsed_ms };
    Ok(answer(&body, elapsed_ms))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TraceBody<'a> {
    trace_id: String,
    /// Parents before their children, and else by start.
    spans: &'a [Span],
    /// False if there are more spans than an answer holds.
    complete: bool,
    rows_read: u64,
    elapsed_ms: f64,
}

pub(super) async fn one<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let id = trace_id(&id.map(|Path(text)| text).unwrap_or_default())?;
    let format = parameters(pairs)?.trace_format()?;
    let found = api.search.trace(&caller.tenant, id).await.map_err(|error| problem(&error))?;
    let trace = found.ok_or_else(|| Problem::not_found("the trace is not known").with_field("traceId"))?;
    let elapsed_ms = milliseconds(started);
    Ok(match format {
        // OTLP has no place to say that spans are missing.
        TraceFormat::Otlp if !trace.complete => {
            let reason = "the trace has more spans than an answer holds; format=json gives the first ones";
            return Err(Problem::not_computable(reason).with_field("format"));
        }
        TraceFormat::Otlp => answer(&traces_data(&trace.spans), elapsed_ms),
        TraceFormat::Json => {
            let (complete, rows_read) = (trace.complete, trace.rows_read);
            let spans = &trace.spans;
            answer(
                &TraceBody { trace_id: id.to_string(), spans, complete, rows_read, elapsed_ms },
                elapsed_ms,
            )
        }
    })
}
