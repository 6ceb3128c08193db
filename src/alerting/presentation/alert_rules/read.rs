//! `GET /api/v2/alert-rules`, `/{id}` and `/{id}/history`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};

use super::AlertRulesApi;
use super::bodies::{HistoryBody, RuleBody, RulesBody};
use super::change::{entity_tag, rule_id, unknown};
use super::parameters::{Pairs, history_page};
use crate::alerting::application::commands::InstanceCounts;
use crate::alerting::presentation::query_string::nothing_asked;
use crate::alerting::presentation::{stopped, unavailable};
use crate::platform::http::Problem;
use crate::tenancy::Caller;

pub(super) async fn list(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<RulesBody>, Problem> {
    nothing_asked(pairs)?;
    let entries = api.book.list(&caller.tenant);
    let keys = entries.iter().map(|entry| entry.rule.key()).collect();
    let counts = api.evaluator.counts(keys, caller.tenant).await.map_err(|_| stopped())?;
    let rules = entries.iter().zip(counts).map(|(entry, counts)| RuleBody::new(entry, counts));
    Ok(Json(RulesBody { rules: rules.collect() }))
}

pub(super) async fn one(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let entry = api.book.find(&caller.tenant, &rule_id(&id)?).ok_or_else(unknown)?;
    let instances = api.evaluator.instances(entry.rule.key(), caller.tenant).await.map_err(|_| stopped())?;
    let counts = InstanceCounts::of_views(&instances);
    let body = RuleBody::new(&entry, counts).with_instances(instances);
    Ok((AppendHeaders(entity_tag(&entry).map(|tag| (ETAG, tag))), Json(body)).into_response())
}

pub(super) async fn history(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    pairs: Pairs,
) -> Result<Json<HistoryBody>, Problem> {
    let (before, limit) = history_page(pairs, api.clock.now())?;
    let id = rule_id(&id)?;
    let found = api.history.history(caller.tenant, id.as_str().into(), before, limit).await;
    let found = found.map_err(|error| unavailable(&error))?;
    Ok(Json(HistoryBody { transitions: found.into_iter().map(Into::into).collect() }))
}
