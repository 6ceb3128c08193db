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
use crate::alerting::application::commands::InstanceView;
use crate::alerting::application::rule_book::RuleEntry;
use crate::alerting::presentation::query_string::nothing_asked;
use crate::alerting::presentation::{stopped, unavailable};
use crate::platform::http::Problem;
use crate::shared::TenantId;
use crate::tenancy::Caller;

pub(super) async fn list(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<RulesBody>, Problem> {
    nothing_asked(pairs)?;
    let mut rules = Vec::new();
    for entry in api.book.list(&caller.tenant) {
        let instances = instances(&api, &entry, &caller.tenant).await?;
        rules.push(RuleBody::new(&entry, &instances));
    }
    Ok(Json(RulesBody { rules }))
}

pub(super) async fn one(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let entry = api.book.find(&caller.tenant, &rule_id(&id)?).ok_or_else(unknown)?;
    let instances = instances(&api, &entry, &caller.tenant).await?;
    let body = RuleBody::new(&entry, &instances).with_instances(instances);
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

async fn instances(
    api: &AlertRulesApi,
    entry: &RuleEntry,
    tenant: &TenantId,
) -> Result<Vec<InstanceView>, Problem> {
    api.evaluator.instances(entry.rule.key(), tenant.clone()).await.map_err(|_| stopped())
}
