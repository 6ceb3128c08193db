//! OTLP over HTTP: the routes of the ingest listener, and what the API says of ingestion.

mod get_rejections;
mod get_stats;
mod operations;
mod post_signal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use axum::routing::{any, get};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::shared::Signal;
use crate::telemetry::application::{RejectionLog, SeriesLookup};
use crate::tenancy::{Access, Action, guarded};

use super::otlp::answer::{Refusal, refused};
use super::otlp::receive::Receiver;

pub use get_rejections::REJECTIONS_PATH;
pub use get_stats::{STATS_PATH, Stats};
pub use operations::operations;

/// How long a browser may remember what it was allowed.
const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(3_600);

/// Path of a signal (OTLP specification, "OTLP/HTTP Request").
pub const fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Traces => "/v1/traces",
    }
}

/// The routes of every signal. Pages of `cors_origins` may use them from a browser; `*` stands for all.
pub fn router<C: SeriesLookup + 'static>(receiver: &Arc<Receiver<C>>, cors_origins: &[String]) -> Router {
    let with_signal = |router: Router, signal: Signal| {
        let receiver = Arc::clone(receiver);
        router.route(
            path(signal),
            any(async move |request| post_signal::handle(Arc::clone(&receiver), signal, request).await),
        )
    };
    let routes = Signal::ALL.into_iter().fold(Router::new(), with_signal).fallback(unknown_path);
    if cors_origins.is_empty() { routes } else { routes.layer(cors(cors_origins)) }
}

/// What a browser's exporter needs: it posts with a content type, an encoding and a credential, and reads `Retry-After`.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok())),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER])
        .max_age(PREFLIGHT_AGE_MAX)
}

/// The routes that telemetry has on the API's listener. Only keys that may read come in, and each sees its own tenant's.
pub fn api_router(rejections: Arc<RejectionLog>, stats: Stats, access: Access) -> Router {
    let rejections = Router::new().route(REJECTIONS_PATH, get(get_rejections::handle)).with_state(rejections);
    let stats = Router::new().route(STATS_PATH, get(get_stats::handle)).with_state(stats);
    guarded(rejections.merge(stats), access, Action::Read)
}

async fn unknown_path(headers: HeaderMap) -> Response {
    let [metrics, logs, traces] = Signal::ALL.map(path);
    let message = format!("unknown path; POST to {metrics}, {logs} or {traces}");
    refused(post_signal::answer_encoding(&headers), Refusal::NotFound, &message)
}
