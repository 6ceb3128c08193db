//! `GET` and `POST /api/v2/silences`, `GET` and `DELETE /api/v2/silence/{id}`.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::alerts::not_remembered;
use super::parameters::{OF_SILENCES, matchers};
use super::silence_bodies::{IdBody, PostedSilence, SilenceBody, as_labels};
use super::{AlertmanagerApi, BODY_BYTES_MAX};
use crate::alerting::application::notify::SilenceFailure;
use crate::alerting::domain::notifying::dispatcher::SilencingError;
use crate::alerting::domain::notifying::matcher::all_match;
use crate::alerting::domain::notifying::silence::{Silence, SilenceId, SilenceState};
use crate::alerting::presentation::query_string::{Pairs, Parameters, nothing_asked};
use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, from_json};
use crate::shared::Timestamp;
use crate::tenancy::Caller;

/// Active ones first, by when they end; then pending ones by when they begin; then expired ones, the last first.
pub(super) async fn list(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<Vec<SilenceBody>>, Problem> {
    let matchers = matchers(&Parameters::new(pairs, &OF_SILENCES)?)?;
    let now = api.clock.now();
    let mut found = api.notifier.silences(&caller.tenant);
    found.retain(|silence| all_match(&matchers, &as_labels(silence)));
    found.sort_by_key(|silence| order(silence, now));
    Ok(Json(found.iter().map(|silence| SilenceBody::new(silence, now)).collect()))
}

fn order(silence: &Silence, now: Timestamp) -> (u8, Timestamp, Reverse<Timestamp>) {
    let (start, end) = (silence.terms.starts_at(), silence.terms.ends_at());
    match silence.state(now) {
        SilenceState::Active => (0, end, Reverse(start)),
        SilenceState::Pending => (1, start, Reverse(end)),
        SilenceState::Expired => (2, Timestamp::EPOCH, Reverse(end)),
    }
}

pub(super) async fn one(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    pairs: Pairs,
) -> Result<Json<SilenceBody>, Problem> {
    nothing_asked(pairs)?;
    let silence = api.notifier.silence(&caller.tenant, &SilenceId(id.into()));
    let silence = silence.ok_or_else(|| refused(SilencingError::Unknown))?;
    Ok(Json(SilenceBody::new(&silence, api.clock.now())))
}

pub(super) async fn post(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Json<IdBody>, Problem> {
    let posted: PostedSilence = from_json(body, "a silence", BODY_BYTES_MAX)?;
    let now = api.clock.now();
    let old = posted.id.as_deref().filter(|id| !id.is_empty()).map(|id| SilenceId(id.into()));
    let terms = posted.terms(now)?;
    let id = api.notifier.put_silence(&caller.tenant, old.as_ref(), terms, now).await.map_err(failed)?;
    Ok(Json(IdBody { silence_id: id.0.into() }))
}

pub(super) async fn expire(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = SilenceId(id.into());
    api.notifier.expire_silence(&caller.tenant, &id, api.clock.now()).await.map_err(failed)?;
    Ok(StatusCode::OK)
}

fn failed(failure: SilenceFailure) -> Problem {
    match failure {
        SilenceFailure::Refused(error) => refused(error),
        SilenceFailure::NotRemembered(error) => not_remembered(&error),
    }
}

fn refused(error: SilencingError) -> Problem {
    match error {
        SilencingError::Unknown => Problem::not_found(error.to_string()),
        SilencingError::Terms(_) | SilencingError::TooMany => Problem::invalid(error.to_string()),
    }
}
