//! `GET /api/v2/metrics/cardinality`: which metrics have the most series, and what makes those of one metric.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::CacheUse;
use crate::querying::application::MetricExplorer;
use crate::querying::application::series_answers::{Counted, LabelCardinality, ServiceCardinality};
use crate::querying::domain::CardinalityQuery;
use crate::tenancy::Caller;

use super::QueryApi;
use super::exchange::{Pairs, cached_answer, milliseconds, parameters, problem};

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CardinalityBody")]
pub(super) struct MetricsBody<'a> {
    metrics: Vec<SeriesOf<'a>>,
    /// Also beyond `limit`.
    metrics_total: u64,
    series_total: u64,
    cache: &'static str,
    rows_read: u64,
    elapsed_ms: f64,
}

/// How many series a metric or a value has.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SeriesCount")]
struct SeriesOf<'a> {
    name: &'a str,
    series_count: u64,
}

impl<'a> From<&'a Counted> for SeriesOf<'a> {
    fn from(counted: &'a Counted) -> Self {
        Self { name: &counted.0, series_count: counted.1 }
    }
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MetricCardinalityBody")]
pub(super) struct MetricBody<'a> {
    name: &'a str,
    labels: Vec<LabelBody<'a>>,
    services: Vec<ServiceBody<'a>>,
    /// Also beyond `limit`.
    services_total: u64,
    series_total: u64,
    cache: &'static str,
    rows_read: u64,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LabelCardinality")]
struct LabelBody<'a> {
    name: &'a str,
    /// Different ones.
    value_count: u64,
    /// That have the label.
    series_count: u64,
    top_values: Vec<TopValue<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct TopValue<'a> {
    value: &'a str,
    series_count: u64,
}

impl<'a> From<&'a LabelCardinality> for LabelBody<'a> {
    fn from(label: &'a LabelCardinality) -> Self {
        let top = |counted: &'a Counted| TopValue { value: &counted.0, series_count: counted.1 };
        Self {
            name: &label.name,
            value_count: label.values,
            series_count: label.series,
            top_values: label.top.iter().map(top).collect(),
        }
    }
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceCardinality")]
struct ServiceBody<'a> {
    name: &'a str,
    series_count: u64,
    /// Those with the most different values.
    top_labels: Vec<ValuesOf<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ValueCount")]
struct ValuesOf<'a> {
    name: &'a str,
    value_count: u64,
}

impl<'a> From<&'a ServiceCardinality> for ServiceBody<'a> {
    fn from(service: &'a ServiceCardinality) -> Self {
        let label = |counted: &'a Counted| ValuesOf { name: &counted.0, value_count: counted.1 };
        Self {
            name: &service.name,
            series_count: service.series,
            top_labels: service.labels.iter().map(label).collect(),
        }
    }
}

pub(super) async fn handle<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let (query, cache) = parameters(pairs)?.cardinality(caller.tenant, api.clock.now())?;
    match query.of.metric.clone() {
        Some(metric) => of_metric(&api, &metric, &query, cache).await,
        None => of_all(&api, &query, cache).await,
    }
}

async fn of_all<R: MetricExplorer>(
    api: &QueryApi<R>,
    query: &CardinalityQuery,
    cache: CacheUse,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let read = api.explore.cardinality(query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = MetricsBody {
        metrics: read.answer.metrics.iter().map(SeriesOf::from).collect(),
        metrics_total: read.answer.metrics_total,
        series_total: read.answer.series_total,
        cache: read.cache.name(),
        rows_read: read.rows_read(read.answer.rows_read),
        elapsed_ms,
    };
    Ok(cached_answer(&body, elapsed_ms, read.cache))
}

async fn of_metric<R: MetricExplorer>(
    api: &QueryApi<R>,
    metric: &str,
    query: &CardinalityQuery,
    cache: CacheUse,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let read = api.explore.metric_cardinality(query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = MetricBody {
        name: metric,
        labels: read.answer.labels.iter().map(LabelBody::from).collect(),
        services: read.answer.services.iter().map(ServiceBody::from).collect(),
        services_total: read.answer.services_total,
        series_total: read.answer.series_total,
        cache: read.cache.name(),
        rows_read: read.rows_read(read.answer.rows_read),
        elapsed_ms,
    };
    Ok(cached_answer(&body, elapsed_ms, read.cache))
}
