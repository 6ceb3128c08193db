//! `POST /api/v2/alert-rules`, `PUT` and `DELETE /{id}`, `POST /{id}/enable` and `/disable`. A change of what somebody else may have
//! changed names the version that it is based on (`If-Match`, RFC 9110, section 13.1.1).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::Value;

use super::bodies::RuleBody;
use super::{AlertRulesApi, BODY_BYTES_MAX, RULES_PATH};
use crate::alerting::application::commands::InstanceCounts;
use crate::alerting::application::rule_book::{
    FieldProblem, Origin, Precondition, RuleChangeError, RuleEntry, problem_text,
};
use crate::alerting::domain::rule_words::RuleId;
use crate::alerting::presentation::{stopped, unavailable};
use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, from_json};
use crate::shared::TenantId;
use crate::tenancy::Caller;

pub(super) async fn create(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, Problem> {
    let body = rule_from(body)?;
    let entry =
        api.book.put(&caller.tenant, body, Precondition::New).await.map_err(|error| problem(&error))?;
    let path = format!("{RULES_PATH}/{}", entry.rule.id);
    let location = HeaderValue::try_from(path).ok().map(|path| (LOCATION, path));
    Ok((StatusCode::CREATED, AppendHeaders(location), told(&entry)).into_response())
}

pub(super) async fn replace(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let id = rule_id(&id)?;
    let mut body = rule_from(body)?;
    named(&mut body, &id)?;
    let precondition = precondition(&headers)?.ok_or_else(|| {
        Problem::precondition_required(
            "say what is to be changed: If-Match with the ETag of the rule, or If-None-Match: *",
        )
    })?;
    let entry = api.book.put(&caller.tenant, body, precondition).await.map_err(|error| problem(&error))?;
    let status = match (precondition, entry.origin) {
        (_, Origin::Api { version: 1, .. }) => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, told(&entry)).into_response())
}

pub(super) async fn remove(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let precondition = precondition(&headers)?.unwrap_or(Precondition::Any);
    let removed = api.book.delete(&caller.tenant, &rule_id(&id)?, precondition).await;
    removed.map_err(|error| problem(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn enable(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    switch(&api, &caller.tenant, &id, Value::Bool(true)).await
}

pub(super) async fn disable(
    State(api): State<Arc<AlertRulesApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    switch(&api, &caller.tenant, &id, Value::Bool(false)).await
}

/// Changes the rule as it is; who changes it at the same time is told so.
async fn switch(
    api: &AlertRulesApi,
    tenant: &TenantId,
    id: &str,
    enabled: Value,
) -> Result<Response, Problem> {
    let entry = api.book.find(tenant, &rule_id(id)?).ok_or_else(unknown)?;
    let version = match entry.origin {
        Origin::Api { version, .. } => version,
        Origin::File => return Err(problem(&RuleChangeError::OfFile)),
        Origin::BuiltIn => return Err(problem(&RuleChangeError::BuiltIn)),
    };
    let mut body = Value::clone(&entry.body);
    if let Value::Object(fields) = &mut body {
        fields.insert("enabled".to_owned(), enabled);
    }
    let put = api.book.put(tenant, body, Precondition::Version(version)).await;
    Ok(told(&put.map_err(|error| problem(&error))?).into_response())
}

fn told(entry: &RuleEntry) -> impl IntoResponse {
    (
        AppendHeaders(entity_tag(entry).map(|tag| (ETAG, tag))),
        Json(RuleBody::new(entry, InstanceCounts::default())),
    )
}

/// `"3"`; rules of files have none.
pub(super) fn entity_tag(entry: &RuleEntry) -> Option<HeaderValue> {
    match entry.origin {
        Origin::File | Origin::BuiltIn => None,
        Origin::Api { version, .. } => HeaderValue::try_from(format!("\"{version}\"")).ok(),
    }
}

fn precondition(headers: &HeaderMap) -> Result<Option<Precondition>, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(Precondition::New)),
        (Some("*"), None) => Ok(Some(Precondition::Any)),
        (Some(tag), None) => {
            let version = tag
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .and_then(|text| text.parse().ok());
            // What was never given out matches nothing.
            Ok(Some(Precondition::Version(version.unwrap_or(0))))
        }
        (_, Some(_)) => Err(Problem::invalid("If-None-Match goes with * alone, and without If-Match")),
    }
}

/// The rule's own id, where it has one, is that of the path.
fn named(body: &mut Value, id: &RuleId) -> Result<(), Problem> {
    let Value::Object(fields) = body else { return Ok(()) };
    match fields.get("id") {
        None => _ = fields.insert("id".to_owned(), id.as_str().into()),
        Some(Value::String(own)) if own == id.as_str() => {}
        Some(_) => {
            return Err(Problem::invalid("the id of a rule does not change")
                .with_field("id")
                .with_allowed([id.as_str()]));
        }
    }
    Ok(())
}

pub(super) fn rule_from(body: Body) -> Result<Value, Problem> {
    from_json(body, "a rule", BODY_BYTES_MAX)
}

pub(super) fn rule_id(text: &str) -> Result<RuleId, Problem> {
    RuleId::parse(text).map_err(|error| Problem::invalid(error.to_string()).with_field("id"))
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("there is no rule of this id")
}

/// Every problem of a rule is told; the first one's field is the answer's.
pub(super) fn invalid(problems: &[FieldProblem]) -> Problem {
    let told = Problem::invalid(problem_text(problems));
    match problems.first() {
        Some(first) if !first.field.is_empty() => told.with_field(&*first.field),
        _ => told,
    }
}

fn problem(error: &RuleChangeError) -> Problem {
    match error {
        RuleChangeError::Invalid(problems) => invalid(problems),
        RuleChangeError::Unknown => unknown(),
        RuleChangeError::Changed { .. } => Problem::precondition_failed(error.to_string()),
        RuleChangeError::Exists
        | RuleChangeError::OfFile
        | RuleChangeError::BuiltIn
        | RuleChangeError::TooMany => Problem::conflict(error.to_string()),
        RuleChangeError::Stopped(_) => stopped(),
        RuleChangeError::NotRemembered(error) => unavailable(error),
    }
}
