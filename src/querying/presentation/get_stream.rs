//! `GET /api/v2/stream`: what happens, as server-sent events; `GET /api/v2/logs/tail`: log records alone.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, StreamExt, unfold};

use crate::platform::http::Problem;
use crate::querying::application::{LiveFeed, NotSubscribed, Subscription};
use crate::querying::domain::Watch;
use crate::tenancy::Caller;

use super::exchange::{Pairs, parameters};
use super::stream_events::event;

/// Between comments that keep the connection, and whatever is between, from falling asleep.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so long a client has to come again, and to show its key.
const STREAM_TIME_MAX: Duration = Duration::from_secs(3_600);
/// After which time a client may ask again when there was no place.
const RETRY_AFTER: Duration = Duration::from_secs(5);

pub(super) async fn stream(
    State(feed): State<Arc<LiveFeed>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    listen(&feed, parameters(pairs)?.watch(caller.tenant)?)
}

pub(super) async fn tail(
    State(feed): State<Arc<LiveFeed>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    listen(&feed, parameters(pairs)?.tail(caller.tenant)?)
}

fn listen(feed: &Arc<LiveFeed>, watch: Watch) -> Result<Response, Problem> {
    let subscription = feed.subscribe(watch).map_err(|reason| problem(&reason))?;
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("alive");
    Ok(Sse::new(events(subscription)).keep_alive(heartbeat).into_response())
}

/// Ends when the server stops, or after [`STREAM_TIME_MAX`]. Dropping it gives the place up.
fn events(subscription: Subscription) -> impl Stream<Item = Result<Event, axum::Error>> + Send + 'static {
    let events = unfold(subscription, async |mut subscription: Subscription| {
        let delivered = subscription.next().await?;
        Some((event(&delivered), subscription))
    });
    events.take_until(tokio::time::sleep(STREAM_TIME_MAX))
}

fn problem(reason: &NotSubscribed) -> Problem {
    match reason {
        NotSubscribed::TenantFull => Problem::too_many_requests(reason.to_string(), RETRY_AFTER),
        NotSubscribed::Full | NotSubscribed::Stopping => {
            Problem::unavailable(reason.to_string(), RETRY_AFTER)
        }
    }
}
