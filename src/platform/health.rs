//! `/livez`, `/readyz` and `/metrics`: how the process is, for orchestrators and for Prometheus.
//!
//! The first two are for everybody, since orchestrators have no keys. Counters name tenants: who mounts
//! [`metrics_router`] decides who may see them.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;

use super::lifecycle::Lifecycle;

/// Paths served here, for the list of what there is.
pub const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// The content type of what `prometheus-client` writes (OpenMetrics 1.0).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Brings a gauge up to date just before it is read.
pub type Refresh = Box<dyn Fn() + Send + Sync>;

/// What health is judged by.
pub struct Health {
    pub lifecycle: Lifecycle,
    pub registry: Registry,
    pub refresh: Vec<Refresh>,
    /// When requests are answered: `store` or `memory`.
    pub durability: &'static str,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("lifecycle", &self.lifecycle).finish_non_exhaustive()
    }
}

/// `/livez` and `/readyz`.
pub fn router(health: Arc<Health>) -> Router {
    Router::new().route("/livez", get(async || "alive\n")).route("/readyz", get(ready)).with_state(health)
}

/// `/metrics`.
pub fn metrics_router(health: Arc<Health>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(health)
}

/// Not ready while stopping, or if a background worker ended that should not have.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let failed = health.lifecycle.failed();
    let stopping = health.lifecycle.is_stopping();
    let (code, status) = match (stopping, failed.is_empty()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "worker failed"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    let body = json!({ "status": status, "durability": health.durability, "failedWorkers": failed });
    (code, Json(body)).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    health.refresh.iter().for_each(|refresh| refresh());
    let mut text = String::new();
    match encode(&mut text, &health.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use prometheus_client::metrics::gauge::Gauge;
    use tower::ServiceExt;

    use super::*;

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_workers_and_the_stop() {
        let lifecycle = Lifecycle::default();
        let health = Health {
            lifecycle: lifecycle.clone(),
            registry: Registry::default(),
            refresh: Vec::new(),
            durability: "store",
        };
        let router = router(Arc::new(health));
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
        lifecycle.thread("hasty", || {}).unwrap().join().unwrap();
        let (status, body) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("hasty"), "{body}");
        lifecycle.stop();
        assert!(get(&router, "/readyz").await.1.contains("stopping"));
        assert_eq!(get(&router, "/livez").await, (StatusCode::OK, "alive\n".to_owned()));
    }

    #[tokio::test]
    async fn gauges_are_fresh_when_they_are_read() {
        let (gauge, mut registry) = (Gauge::<i64>::default(), Registry::default());
        registry.register("level", "A level", gauge.clone());
        let refresh: Refresh = Box::new(move || _ = gauge.set(7));
        let health =
            Health { lifecycle: Lifecycle::default(), registry, refresh: vec![refresh], durability: "store" };
        let (status, body) = get(&metrics_router(Arc::new(health)), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("level 7"), "{body}");
    }
}
