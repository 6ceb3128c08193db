//! `GET /api/v2/metrics/labels` and `/labels/values`: by what the series of metrics can be told apart.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::querying::application::MetricExplorer;
use crate::querying::application::series_answers::{Label, LabelValue};
use crate::tenancy::Caller;

use super::QueryApi;
use super::exchange::{Pairs, cached_answer, milliseconds, parameters, problem};
use super::series_parameters::text_place_text;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelsBody<'a> {
    labels: Vec<LabelBody<'a>>,
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    cache: &'static str,
    rows_read: u64,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Label")]
struct LabelBody<'a> {
    name: &'a str,
    series_count: u64,
    /// Of these, how many have it as an attribute of their points, and how many in their resource.
    as_attribute: u64,
    of_resource: u64,
}

impl<'a> From<&'a Label> for LabelBody<'a> {
    fn from(label: &'a Label) -> Self {
        Self {
            name: &label.name,
            series_count: label.series,
            as_attribute: label.as_attribute,
            of_resource: label.of_resource,
        }
    }
}

pub(super) async fn names<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let (query, cache) = parameters(pairs)?.labels(caller.tenant, api.clock.now())?;
    let read = api.explore.labels(&query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = LabelsBody {
        labels: read.answer.rows.iter().map(LabelBody::from).collect(),
        next: read.answer.next.as_ref().map(text_place_text),
        cache: read.cache.name(),
        rows_read: read.rows_read(read.answer.rows_read),
        elapsed_ms,
    };
    Ok(cached_answer(&body, elapsed_ms, read.cache))
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValuesBody<'a> {
    label: &'a str,
    values: Vec<ValueBody<'a>>,
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    cache: &'static str,
    rows_read: u64,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LabelValue")]
struct ValueBody<'a> {
    value: &'a str,
    series_count: u64,
}

impl<'a> From<&'a LabelValue> for ValueBody<'a> {
    fn from(value: &'a LabelValue) -> Self {
        Self { value: &value.value, series_count: value.series }
    }
}

pub(super) async fn values<R: MetricExplorer + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let (query, cache) = parameters(pairs)?.label_values(caller.tenant, api.clock.now())?;
    let read = api.explore.label_values(&query, cache).await.map_err(|error| problem(&error))?;
    let elapsed_ms = milliseconds(started);
    let body = ValuesBody {
        label: &query.label,
        values: read.answer.rows.iter().map(ValueBody::from).collect(),
        next: read.answer.next.as_ref().map(text_place_text),
        cache: read.cache.name(),
        rows_read: read.rows_read(read.answer.rows_read),
        elapsed_ms,
    };
    Ok(cached_answer(&body, elapsed_ms, read.cache))
}
