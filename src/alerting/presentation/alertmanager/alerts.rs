//! `GET` and `POST /api/v2/alerts`, `GET /api/v2/alerts/groups`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::de::DeserializeOwned;

use super::alert_bodies::{AlertBody, GroupBody, PostedBody};
use super::parameters::{OF_ALERTS, OF_GROUPS, Pairs, Parameters};
use super::{AlertmanagerApi, BODY_BYTES_MAX};
use crate::alerting::application::ledger::LedgerError;
use crate::platform::http::Problem;
use crate::tenancy::Caller;

/// Alerts of one request that an answer explains.
const EXPLAINED_MAX: usize = 10;
/// When a client may come again whose change is not remembered yet.
const RETRY_AFTER: Duration = Duration::from_secs(5);

pub(super) async fn list(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<Vec<AlertBody>>, Problem> {
    let filter = Parameters::new(pairs, &OF_ALERTS)?.alert_filter()?;
    let now = api.clock.now();
    let found = api.notifier.alerts(&caller.tenant, &filter, now);
    Ok(Json(found.iter().map(|alert| AlertBody::new(alert, &[], now)).collect()))
}

pub(super) async fn groups(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<Vec<GroupBody>>, Problem> {
    let filter = Parameters::new(pairs, &OF_GROUPS)?.alert_filter()?;
    let now = api.clock.now();
    let found = api.notifier.groups(&caller.tenant, &filter, now);
    Ok(Json(found.iter().map(|group| GroupBody::new(group, now)).collect()))
}

/// Takes those that are right, also if others are wrong.
pub(super) async fn post(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let sent: Vec<PostedBody> = from_json(body, "alerts")?;
    let (mut wrong, mut places, mut alerts) = (Vec::new(), Vec::new(), Vec::new());
    for (place, alert) in sent.into_iter().enumerate() {
        match alert.understood() {
            Ok(alert) => {
                places.push(place);
                alerts.push(alert);
            }
            Err(name) => wrong.push(format!("[{place}]: {name} is not a time of RFC 3339")),
        }
    }
    let refused = api.notifier.post_alerts(&caller.tenant, alerts, api.clock.now()).await;
    let refused = refused.map_err(|error| not_remembered(&error))?;
    let place = |index: usize| places.get(index).copied().unwrap_or(index);
    wrong.extend(refused.into_iter().map(|(index, error)| format!("[{}]: {error}", place(index))));
    if wrong.is_empty() {
        return Ok(StatusCode::OK);
    }
    let more = wrong.len().saturating_sub(EXPLAINED_MAX);
    wrong.truncate(EXPLAINED_MAX);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    Err(Problem::invalid(format!("some alerts were not taken: {}", wrong.join("; "))))
}

/// The body, as JSON of this form.
pub(super) fn from_json<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
    what: &str,
) -> Result<T, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::body_too_large(format!("the body is longer than {BODY_BYTES_MAX} bytes"))
        }
        _ => Problem::invalid("the body cannot be read"),
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("not {what}: {error}")))
}

pub(super) fn not_remembered(error: &LedgerError) -> Problem {
    tracing::error!(error = %error, "a change of alerts is in force, but not remembered yet");
    Problem::unavailable(
        "it is in force, but not remembered yet: it would not outlast a restart",
        RETRY_AFTER,
    )
}
