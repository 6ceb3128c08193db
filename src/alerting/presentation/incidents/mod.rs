//! Incidents over the API: list them, look at one, acknowledge, assign or resolve it.

mod bodies;
mod operations;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use crate::alerting::application::commands::{EvaluatorHandle, IncidentAct};
use crate::alerting::application::incidents::{IncidentPage, IncidentStore};
use crate::alerting::domain::alert::IncidentId;
use crate::alerting::domain::incident::IncidentError;
use crate::platform::http::Problem;
use crate::shared::{Clock, TenantId, Timestamp};
use crate::tenancy::{Access, Action, Caller, guarded};

use super::query_string::{Pairs, Parameters, count, nothing_asked};
use super::{stopped, unavailable};
use crate::platform::http::json_body::{Body, from_json};
use bodies::{AcknowledgeBody, AssignBody, IncidentBody, IncidentsBody, ResolveBody};
pub use operations::operations;

const INCIDENTS_PATH: &str = "/api/v2/incidents";
const INCIDENT_PATH: &str = "/api/v2/incidents/{id}";
const ACKNOWLEDGE_PATH: &str = "/api/v2/incidents/{id}/acknowledge";
const ASSIGN_PATH: &str = "/api/v2/incidents/{id}/assign";
const RESOLVE_PATH: &str = "/api/v2/incidents/{id}/resolve";

/// What can be asked for, to suggest for a path that is not known.
pub const PATHS: [&str; 5] = [INCIDENTS_PATH, INCIDENT_PATH, ACKNOWLEDGE_PATH, ASSIGN_PATH, RESOLVE_PATH];

const STATE: &str = "state";
const RULE: &str = "rule";
const BEFORE: &str = "before";
const LIMIT: &str = "limit";
const STATES: [&str; 3] = ["open", "acknowledged", "resolved"];
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
const ID_BYTES_MAX: usize = 64;
/// Longest body: two texts, of which each character may be written as an escape.
const BODY_BYTES_MAX: usize = 16 << 10;

/// What the routes work with.
pub struct IncidentsApi {
    pub store: Arc<dyn IncidentStore>,
    pub evaluator: EvaluatorHandle,
    pub clock: Arc<dyn Clock>,
}

/// Who may read may look; who acknowledges, assigns or resolves has to be allowed to change things.
pub fn router(api: Arc<IncidentsApi>, access: Access) -> Router {
    let reading = Router::new()
        .route(INCIDENTS_PATH, get(list))
        .route(INCIDENT_PATH, get(one))
        .with_state(Arc::clone(&api));
    let writing = Router::new()
        .route(ACKNOWLEDGE_PATH, post(acknowledge))
        .route(ASSIGN_PATH, post(assign))
        .route(RESOLVE_PATH, post(resolve))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api);
    guarded(reading, access.clone(), Action::Read).merge(guarded(writing, access, Action::Write))
}

async fn list(
    State(api): State<Arc<IncidentsApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<IncidentsBody>, Problem> {
    let parameters = Parameters::new(pairs, &[STATE, RULE, BEFORE, LIMIT])?;
    let after_now = Timestamp::from_nanos(api.clock.now().nanos().saturating_add(1));
    let page = IncidentPage {
        tenant: caller.tenant,
        before: parameters.moment(BEFORE)?.unwrap_or(after_now),
        state: parameters.word(STATE, &STATES)?,
        rule_id: parameters.one(RULE)?.map(Into::into),
        limit: count(&parameters, LIMIT, LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let found = api.store.incidents(page).await.map_err(|error| unavailable(&error))?;
    Ok(Json(IncidentsBody { incidents: found.into_iter().map(Into::into).collect() }))
}

async fn one(
    State(api): State<Arc<IncidentsApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    pairs: Pairs,
) -> Result<Json<IncidentBody>, Problem> {
    nothing_asked(pairs)?;
    let found =
        api.store.incident(caller.tenant, incident_id(&id)?).await.map_err(|error| unavailable(&error))?;
    Ok(Json(found.ok_or_else(unknown)?.into()))
}

async fn acknowledge(
    State(api): State<Arc<IncidentsApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<IncidentBody>, Problem> {
    let AcknowledgeBody { by, note } = from_json(body, "who acknowledges", BODY_BYTES_MAX)?;
    act(&api, caller.tenant, &id, IncidentAct::Acknowledge { by: by.into(), note: note.into() }).await
}

async fn assign(
    State(api): State<Arc<IncidentsApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<IncidentBody>, Problem> {
    let AssignBody { to } = from_json(body, "who is to take care", BODY_BYTES_MAX)?;
    act(&api, caller.tenant, &id, IncidentAct::Assign { to: to.into() }).await
}

async fn resolve(
    State(api): State<Arc<IncidentsApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<IncidentBody>, Problem> {
    let ResolveBody { by, reason } = from_json(body, "who resolves, and why", BODY_BYTES_MAX)?;
    act(&api, caller.tenant, &id, IncidentAct::Resolve { by: by.into(), reason: reason.into() }).await
}

async fn act(
    api: &IncidentsApi,
    tenant: TenantId,
    id: &str,
    act: IncidentAct,
) -> Result<Json<IncidentBody>, Problem> {
    let id = incident_id(id)?;
    let done = api.evaluator.incident(tenant.clone(), id.clone(), act).await.map_err(|_| stopped())?;
    match done {
        Ok(Some(incident)) => Ok(Json(incident.into())),
        Ok(None) => {
            let known = api.store.incident(tenant, id).await.map_err(|error| unavailable(&error))?;
            Err(known.map_or_else(unknown, |_| Problem::conflict(IncidentError::Resolved.to_string())))
        }
        Err(error @ IncidentError::Resolved) => Err(Problem::conflict(error.to_string())),
        Err(error @ IncidentError::Text) => Err(Problem::invalid(error.to_string())),
    }
}

fn incident_id(text: &str) -> Result<IncidentId, Problem> {
    if text.len() > ID_BYTES_MAX {
        return Err(Problem::invalid("an incident's id is a UUID").with_field("id"));
    }
    Ok(IncidentId(text.into()))
}

fn unknown() -> Problem {
    Problem::not_found("there is no incident of this id")
}
