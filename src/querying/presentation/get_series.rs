//! `GET /api/v2/metrics/metadata`, `/series` and `/exemplars`: what a metric is, which series it has, what was recorded beside its points.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::Attributes;
use crate::querying::application::MetricExplorer;
use crate::querying::application::series_answers::{Exemplar, SentAs, SeriesRow, SeriesScope};
use crate::tenancy::Caller;

use super::QueryApi;
use super::answers::Value;
use super::exchange::{Pairs, answer, cached_answer, milliseconds, parameters, problem};
use super::series_parameters::{exemplar_place_text, id_text};
use super::time_text;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataBody<'a> {
    name: &'a str,
    /// Newest first.
    sent_as: Vec<SentAsBody<'a>>,
    cache: &'static str,
    rows_read: u64,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SentAs")]
struct SentAsBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    temporality: &'a str,
    monotonic: bool,
    unit: &'a str,
    description: &'a str,
    scopes: Vec<ScopeName<'a>>,
    services: &'a [String],
    first_seen: String,
    last_seen: String,
    series_count: u64,
    attribute_count: u64,
    resource_attribute_count: u64,
}

#[derive(Debug, JsonSchema, Serialize)]
struct ScopeName<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> From<&'a SentAs> for SentAsBody<'a> {
    fn from(sent: &'a SentAs) -> Self {
        Self {
            kind: &sent.kind,
            temporality: &sent.temporality,
            monotonic: sent.monotonic,
            unit: &sent.unit,
            description: &sent.description,
            scopes: sent.scopes.iter().map(|(name, version)| ScopeName { name, version }).collect(),
            services: &sent.services,
            first_seen: time_text::format(sent.first_seen),
            last_seen: time_text::format(sent.last_seen),
            series_count: sent.series,
            attribute_count: sent.attributes,
            resource_attribute_count: sent.resource_attributes,
        }
    }
}

pub(super) async fn metadata<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let (query, cache) = parameters(pairs)?.metadata(caller.tenant)?;
    let read = api.explore.metadata(&query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = MetadataBody {
        name: &query.metric,
        sent_as: read.answer.sent_as.iter().map(SentAsBody::from).collect(),
        cache: read.cache.name(),
        rows_read: read.rows_read(read.answer.rows_read),
        elapsed_ms,
    };
    Ok(cached_answer(&body, elapsed_ms, read.cache))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeriesBody<'a> {
    series: &'a [SeriesRow],
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    rows_read: u64,
    elapsed_ms: f64,
}

pub(super) async fn series<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.series(caller.tenant, api.clock.now())?;
    let page = api.explore.series(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let next = page.next.as_ref().map(id_text);
    let body = SeriesBody { series: &page.rows, next, rows_read: page.rows_read, elapsed_ms };
    Ok(answer(&body, elapsed_ms))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExemplarsBody<'a> {
    exemplars: Vec<ExemplarBody<'a>>,
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    rows_read: u64,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Exemplar")]
struct ExemplarBody<'a> {
    time: &'a str,
    value: Value,
    trace_id: &'a str,
    span_id: &'a str,
    attributes: &'a Attributes,
    series: SeriesOf<'a>,
}

/// The series whose point it stood beside.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExemplarSeries")]
struct SeriesOf<'a> {
    id: &'a str,
    service: &'a str,
    attributes: &'a Attributes,
    resource_attributes: &'a Attributes,
    scope: &'a SeriesScope,
}

impl<'a> From<&'a Exemplar> for ExemplarBody<'a> {
    fn from(exemplar: &'a Exemplar) -> Self {
        Self {
            time: &exemplar.time,
            value: Value(exemplar.value()),
            trace_id: &exemplar.trace_id,
            span_id: &exemplar.span_id,
            attributes: &exemplar.attributes,
            series: SeriesOf {
                id: &exemplar.series_id,
                service: &exemplar.service,
                attributes: &exemplar.series_attributes,
                resource_attributes: &exemplar.resource_attributes,
                scope: &exemplar.scope,
            },
        }
    }
}

pub(super) async fn exemplars<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let query = parameters(pairs)?.exemplars(caller.tenant, api.clock.now())?;
    let page = api.explore.exemplars(&query).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = ExemplarsBody {
        exemplars: page.rows.iter().map(ExemplarBody::from).collect(),
        next: page.next.as_ref().map(exemplar_place_text),
        rows_read: page.rows_read,
        elapsed_ms,
    };
    Ok(answer(&body, elapsed_ms))
}
