//! `GET` and `POST /api/v2/alerts`, `GET /api/v2/alerts/groups`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};

use super::alert_bodies::{AlertBody, GroupBody, PostedBody};
use super::parameters::{OF_ALERTS, OF_GROUPS, alert_filter};
use super::{AlertmanagerApi, BODY_BYTES_MAX};
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::presentation::RETRY_AFTER;
use crate::alerting::presentation::query_string::{Pairs, Parameters};
use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, from_json};
use crate::tenancy::Caller;

/// Alerts of one request that an answer explains.
const EXPLAINED_MAX: usize = 10;

pub(super) async fn list(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<Vec<AlertBody>>, Problem> {
    let filter = alert_filter(&Parameters::new(pairs, &OF_ALERTS)?)?;
    let now = api.clock.now();
    let found = api.notifier.alerts(&caller.tenant, &filter, now);
    Ok(Json(found.iter().map(|alert| AlertBody::new(alert, &[], now)).collect()))
}

pub(super) async fn groups(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Json<Vec<GroupBody>>, Problem> {
    let filter = alert_filter(&Parameters::new(pairs, &OF_GROUPS)?)?;
    let now = api.clock.now();
    let found = api.notifier.groups(&caller.tenant, &filter, now);
    Ok(Json(found.iter().map(|group| GroupBody::new(group, now)).collect()))
}

/// Takes those that are right, also if others are wrong.
pub(super) async fn post(
    State(api): State<Arc<AlertmanagerApi>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let sent: Vec<PostedBody> = from_json(body, "alerts", BODY_BYTES_MAX)?;
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

pub(super) fn not_remembered(error: &LedgerError) -> Problem {
    tracing::error!(error = %error, "a change of alerts is in force, but not remembered yet");
    Problem::unavailable(
        "it is in force, but not remembered yet: it would not outlast a restart",
        RETRY_AFTER,
    )
}
