//! Channels and what they refused: `GET /api/v2/channels`, `POST /api/v2/channels/{channel}/test`, and dead letters under
//! `/api/v2/notifications/dead`. For those who operate the server; letters are those of the caller's tenant.
//!
//! ```json
//! {"channels": [{"name": "ops", "kind": "slack", "sendResolved": true, "waiting": 0, "dead": 1, "state": "working",
//!                "lastSentAt": "2026-01-01T00:00:00Z", "lastErrorAt": null, "lastError": null}]}
//! ```

mod operations;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use crate::alerting::application::delivery::outboxes::{ChannelReport, Outboxes, Resolved};
use crate::alerting::application::outbox_ledger::{DeadLetter, Discarded, Revival, Worth};
use crate::alerting::domain::notification::NotificationId;
use crate::platform::http::Problem;
use crate::shared::TenantId;
use crate::tenancy::{Access, Action, Caller, guarded};

use super::query_string::{Pairs, nothing_asked};
use super::unavailable;
use super::words::time;
pub use operations::operations;

pub const CHANNELS_PATH: &str = "/api/v2/channels";
pub const CHANNEL_TEST_PATH: &str = "/api/v2/channels/{channel}/test";
pub const DEAD_PATH: &str = "/api/v2/notifications/dead";
pub const DEAD_ONE_PATH: &str = "/api/v2/notifications/dead/{id}";
pub const DEAD_REPLAY_PATH: &str = "/api/v2/notifications/dead/{id}/replay";

/// All of them, for answers about unknown paths.
pub const PATHS: [&str; 5] = [CHANNELS_PATH, CHANNEL_TEST_PATH, DEAD_PATH, DEAD_ONE_PATH, DEAD_REPLAY_PATH];

pub fn router(outboxes: Arc<Outboxes>, access: Access) -> Router {
    guarded(routes(outboxes), access, Action::Operate)
}

fn routes(outboxes: Arc<Outboxes>) -> Router {
    Router::new()
        .route(CHANNELS_PATH, get(list))
        .route(CHANNEL_TEST_PATH, post(try_out))
        .route(DEAD_PATH, get(dead))
        .route(DEAD_ONE_PATH, delete(discard))
        .route(DEAD_REPLAY_PATH, post(replay))
        .with_state(outboxes)
}

#[derive(Debug, JsonSchema, Serialize)]
struct ChannelsBody {
    channels: Vec<ChannelBody>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelBody {
    name: String,
    /// `slack`, `webhook`, `pagerduty` or `email`.
    kind: &'static str,
    send_resolved: bool,
    /// Notifications of the tenant that wait to be sent.
    waiting: usize,
    /// Those that were refused for good.
    dead: u64,
    /// `working`, or `off` after the other side answered that it does not want to be called any more.
    state: &'static str,
    /// Since the process started, for whichever tenant. Null if nothing was sent.
    last_sent_at: Option<String>,
    last_error_at: Option<String>,
    /// What the other side said; it stays when later messages were taken.
    last_error: Option<String>,
}

async fn list(
    State(outboxes): State<Arc<Outboxes>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let reports = outboxes.report(&caller.tenant).await.map_err(|error| unavailable(&error))?;
    let channels = reports.into_iter().map(ChannelBody::from).collect();
    Ok(answer(&ChannelsBody { channels }))
}

impl From<ChannelReport> for ChannelBody {
    fn from(report: ChannelReport) -> Self {
        let (last_error_at, last_error) = report.state.last_error.unzip();
        Self {
            name: report.name.into(),
            kind: report.kind,
            send_resolved: report.resolved == Resolved::Told,
            waiting: report.waiting,
            dead: report.dead,
            state: if report.state.disabled.is_some() { "off" } else { "working" },
            last_sent_at: report.state.last_sent.map(time),
            last_error_at: last_error_at.map(time),
            last_error: last_error.map(Into::into),
        }
    }
}

#[derive(Debug, JsonSchema, Serialize)]
struct TestBody {
    channel: String,
    /// Whether the other side took it.
    taken: bool,
    /// What the other side said, or why it was not asked.
    answer: String,
}

async fn try_out(
    State(outboxes): State<Arc<Outboxes>>,
    Extension(caller): Extension<Caller>,
    channel: Result<Path<String>, PathRejection>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let channel = channel.map(|Path(name)| name).unwrap_or_default();
    let sent = outboxes.test(&channel, &caller.tenant).await.ok_or_else(|| {
        let names = outboxes.names().map(str::to_owned);
        Problem::not_found("no channel of this name is configured").with_field("channel").with_allowed(names)
    })?;
    let (taken, answer_text) = match sent {
        Ok(said) => (true, said.0.into()),
        Err(error) => (false, error.to_string()),
    };
    Ok(answer(&TestBody { channel, taken, answer: answer_text }))
}

#[derive(Debug, JsonSchema, Serialize)]
struct DeadBody {
    /// Newest first; the server keeps the last 1,000 of a tenant.
    notifications: Vec<LetterBody>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct LetterBody {
    id: String,
    channel: String,
    group_key: String,
    /// `firing` or `resolved`.
    status: &'static str,
    /// The names of its alerts, each once.
    alerts: Vec<String>,
    /// When there was something to tell.
    at: String,
    refused_at: String,
    reason: String,
    /// Whether it may be sent again: not if something newer was to be told about its group.
    replayable: bool,
}

async fn dead(
    State(outboxes): State<Arc<Outboxes>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let letters = outboxes.dead_letters(&caller.tenant).await.map_err(|error| unavailable(&error))?;
    Ok(answer(&DeadBody { notifications: letters.iter().map(LetterBody::from).collect() }))
}

impl From<&DeadLetter> for LetterBody {
    fn from(letter: &DeadLetter) -> Self {
        let notification = &letter.notification;
        let names = notification.alerts.iter().map(|alert| alert.name().to_owned());
        let names: std::collections::BTreeSet<String> = names.collect();
        Self {
            id: notification.id.0.to_string(),
            channel: notification.channel.to_string(),
            group_key: notification.group_key.to_string(),
            status: if notification.is_firing() { "firing" } else { "resolved" },
            alerts: names.into_iter().collect(),
            at: time(notification.at),
            refused_at: time(letter.died_at),
            reason: letter.reason.to_string(),
            replayable: letter.worth == Worth::Latest,
        }
    }
}

async fn replay(
    State(outboxes): State<Arc<Outboxes>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let (tenant, id) = addressed(&caller, id);
    match outboxes.replay(&tenant, id).await.map_err(|error| unavailable(&error))? {
        Revival::Waits(_) => Ok(StatusCode::OK.into_response()),
        Revival::Unknown => Err(unknown()),
        Revival::Superseded => {
            let reason = "something newer was to be told about its group: sending it would tell what is not so any more";
            Err(Problem::not_computable(reason).with_field("id"))
        }
    }
}

async fn discard(
    State(outboxes): State<Arc<Outboxes>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    nothing_asked(pairs)?;
    let (tenant, id) = addressed(&caller, id);
    match outboxes.discard(&tenant, id).await.map_err(|error| unavailable(&error))? {
        Discarded::Gone => Ok(StatusCode::OK.into_response()),
        Discarded::Unknown => Err(unknown()),
    }
}

/// A path that cannot be decoded names nothing that there is.
fn addressed(caller: &Caller, id: Result<Path<String>, PathRejection>) -> (TenantId, NotificationId) {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    (caller.tenant.clone(), NotificationId(id.into()))
}

fn unknown() -> Problem {
    Problem::not_found("there is no dead letter with this id").with_field("id")
}

fn answer<T: Serialize>(body: &T) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
