//! `GET /api/v2/logs`: log records that pass a filter, a page at a time; `/histogram`: how many there are; `/context`: what stands around one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::{LogRecord, SearchReader};
use crate::querying::domain::{LogHistogram, Severity};
use crate::shared::{Interval, duration_text};
use crate::tenancy::Caller;

use super::SearchApi;
use super::exchange::{Pairs, answer, milliseconds, parameters, problem};
use super::search_parameters::log_cursor_text;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogsBody<'a> {
    logs: &'a [LogRecord],
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    rows_read: u64,
    elapsed_ms: f64,
}

pub(super) async fn handle<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.logs(caller.tenant, api.clock.now())?;
    let page = api.search.logs(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let next = page.next.as_ref().map(log_cursor_text);
    let body = LogsBody { logs: &page.rows, next, rows_read: page.rows_read, elapsed_ms };
    Ok(answer(&body, elapsed_ms))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistogramBody<'a> {
    interval: String,
    /// Starts of the buckets, milliseconds since the epoch.
    times: Vec<i64>,
    /// A count per bucket.
    counts: BTreeMap<&'static str, &'a [u64]>,
    rows_read: u64,
    elapsed_ms: f64,
}

impl<'a> HistogramBody<'a> {
    fn new(interval: Interval, histogram: &'a LogHistogram, elapsed_ms: f64) -> Self {
        let names = std::iter::once("unspecified").chain(Severity::CLASSES);
        Self {
            interval: duration_text::format(interval.duration()),
            times: histogram.times.iter().map(|time| time.nanos() / 1_000_000).collect(),
            counts: names.zip(histogram.classes.iter().map(Vec::as_slice)).collect(),
            rows_read: histogram.rows_read,
            elapsed_ms,
        }
    }
}

pub(super) async fn histogram<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.log_histogram(caller.tenant, api.points_max, api.clock.now())?;
    let histogram = api.search.log_histogram(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    Ok(answer(&HistogramBody::new(query.interval, &histogram, elapsed_ms), elapsed_ms))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContextBody<'a> {
    before: &'a [LogRecord],
    /// At the moment and after it.
    after: &'a [LogRecord],
    rows_read: u64,
    elapsed_ms: f64,
}

pub(super) async fn context<R: SearchReader + 'static>(
    State(api): State<Arc<SearchApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.log_context(caller.tenant, api.clock.now())?;
    let found = api.search.log_context(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let (before, after, rows_read) = (&*found.before, &*found.after, found.rows_read);
    Ok(answer(&ContextBody { before, after, rows_read, elapsed_ms }, elapsed_ms))
}
