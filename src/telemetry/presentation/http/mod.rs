//! OTLP over HTTP: the routes of the ingest listener.

mod post_metrics;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::any;

use crate::platform::cpu_pool::CpuPool;
use crate::platform::http::ByteBudget;
use crate::shared::{Clock, TenantId};
use crate::telemetry::application::{IngestCounters, IngestMetrics, SeriesLookup};

use super::otlp::answer::{Refusal, refused};
use super::otlp::content::UnpackLimits;
use super::otlp::metrics::keys::KeySeed;

/// Path of the metrics signal (OTLP specification, "OTLP/HTTP Request").
pub const METRICS_PATH: &str = "/v1/metrics";

/// What a decode thread keeps from request to request.
#[derive(Debug)]
pub struct DecodeState<C> {
    pub catalogue: C,
    unpacked: Vec<u8>,
}

impl<C> DecodeState<C> {
    pub fn new(catalogue: C) -> Self {
        Self { catalogue, unpacked: Vec::new() }
    }
}

/// Bounds on one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Of the body as sent, and of the body unpacked.
    pub body: UnpackLimits,
    /// How far from now points may lie; `None`: without limit.
    pub accept_past: Option<Duration>,
    pub accept_future: Option<Duration>,
}

/// What the ingest routes work with.
pub struct OtlpHttp<C> {
    pub ingest: IngestMetrics,
    pub decode: CpuPool<DecodeState<C>>,
    pub budget: ByteBudget,
    pub limits: RequestLimits,
    pub seed: KeySeed,
    pub counters: IngestCounters,
    pub clock: Arc<dyn Clock>,
    /// Whose data it is. Credentials will decide once there are any.
    pub tenant: TenantId,
}

impl<C> std::fmt::Debug for OtlpHttp<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpHttp")
            .field("limits", &self.limits)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// The routes. Logs and traces get theirs beside metrics.
pub fn router<C: SeriesLookup + 'static>(state: Arc<OtlpHttp<C>>) -> Router {
    Router::new().route(METRICS_PATH, any(post_metrics::handle::<C>)).fallback(unknown_path).with_state(state)
}

async fn unknown_path(headers: HeaderMap, uri: Uri) -> Response {
    let message = match uri.path() {
        "/v1/logs" | "/v1/traces" => "this signal is not supported yet; POST metrics to /v1/metrics",
        _ => "unknown path; POST metrics to /v1/metrics",
    };
    refused(post_metrics::answer_encoding(&headers), Refusal::NotFound, message)
}
