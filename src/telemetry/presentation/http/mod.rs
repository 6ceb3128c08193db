//! OTLP over HTTP: the routes of the ingest listener.

mod post_signal;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;

use crate::shared::Signal;
use crate::telemetry::application::SeriesLookup;

use super::otlp::answer::{Refusal, refused};
use super::otlp::receive::Receiver;

/// Path of a signal (OTLP specification, "OTLP/HTTP Request").
pub const fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Traces => "/v1/traces",
    }
}

pub fn router<C: SeriesLookup + 'static>(receiver: &Arc<Receiver<C>>) -> Router {
    let with_signal = |router: Router, signal: Signal| {
        let receiver = Arc::clone(receiver);
        router.route(
            path(signal),
            any(async move |request| post_signal::handle(Arc::clone(&receiver), signal, request).await),
        )
    };
    [Signal::Metrics].into_iter().fold(Router::new(), with_signal).fallback(unknown_path)
}

async fn unknown_path(headers: HeaderMap) -> Response {
    let [metrics, logs, traces] = Signal::ALL.map(path);
    let message = format!("unknown path; POST to {metrics}, {logs} or {traces}");
    refused(post_signal::answer_encoding(&headers), Refusal::NotFound, &message)
}
