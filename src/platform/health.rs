//! `/livez`, `/readyz`, `/health` and `/metrics`: how the process is, for orchestrators, for people and for Prometheus.
//!
//! The first three are for everybody, since orchestrators have no keys. Counters name tenants: who mounts
//! [`metrics_router`] decides who may see them.

mod dependencies;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use schemars::JsonSchema;
use serde::Serialize;

use self::dependencies::{DependencyBody, DependencyStatus};
use super::http::openapi::{Needs, Operation};
use super::lifecycle::Lifecycle;

pub use dependencies::{Dependency, Probe, ProbeFuture, ReadBreaker};

/// Paths served here, for the list of what there is.
pub const PATHS: [&str; 4] = [LIVE_PATH, READY_PATH, HEALTH_PATH, METRICS_PATH];

const LIVE_PATH: &str = "/livez";
const READY_PATH: &str = "/readyz";
const HEALTH_PATH: &str = "/health";
const METRICS_PATH: &str = "/metrics";

/// The content type of what `prometheus-client` writes (OpenMetrics 1.0).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Brings a gauge up to date just before it is read.
pub type Refresh = Box<dyn Fn() + Send + Sync>;

/// Something without which the node cannot do its work: says what is wrong, if anything is.
pub type Condition = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// Whether the node takes requests. Cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    lifecycle: Lifecycle,
    conditions: Arc<[Condition]>,
}

impl Readiness {
    pub fn new(lifecycle: Lifecycle, conditions: Vec<Condition>) -> Self {
        Self { lifecycle, conditions: conditions.into() }
    }

    /// What stands in the way: stopping, a background worker that ended early, or a condition.
    pub fn problem(&self) -> Option<&'static str> {
        if self.lifecycle.is_stopping() {
            return Some("stopping");
        }
        if !self.lifecycle.failed().is_empty() {
            return Some("worker failed");
        }
        self.conditions.iter().find_map(|condition| condition())
    }

    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("problem", &self.problem()).finish_non_exhaustive()
    }
}

/// More that `/readyz` and `/health` tell, as members of its answer.
pub type Details = Box<dyn Fn() -> serde_json::Map<String, serde_json::Value> + Send + Sync>;

/// What health is judged by.
pub struct Health {
    pub readiness: Readiness,
    pub details: Details,
    pub dependencies: Vec<Dependency>,
    pub registry: Registry,
    pub refresh: Vec<Refresh>,
}

impl Health {
    /// Every counter and gauge, as OpenMetrics.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        self.refresh.iter().for_each(|refresh| refresh());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// `/livez`, `/readyz` and `/health`.
pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route(LIVE_PATH, get(async || "alive\n"))
        .route(READY_PATH, get(ready))
        .route(HEALTH_PATH, get(look_around))
        .with_state(health)
}

/// `/metrics`.
pub fn metrics_router(health: Arc<Health>) -> Router {
    Router::new().route(METRICS_PATH, get(metrics)).with_state(health)
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadyBody {
    /// `ready`, or the first thing that stands in the way.
    status: &'static str,
    failed_workers: Vec<&'static str>,
    #[serde(flatten)]
    details: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
enum NodeStatus {
    Up,
    /// It takes requests, and something that it works with is slow or down.
    Degraded,
    /// It takes no requests.
    Down,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthBody {
    status: NodeStatus,
    /// Why it takes no requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    /// How long it took to find out.
    duration_ms: f64,
    version: &'static str,
    dependencies: Vec<DependencyBody>,
    #[serde(flatten)]
    details: serde_json::Map<String, serde_json::Value>,
}

/// The routes, as the document of the API has them.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(LIVE_PATH, "isAlive", "Whether the process lives")
            .tagged("operations")
            .answers_text("text/plain", "It does."),
        Operation::get(READY_PATH, "isReady", "Whether the node takes requests")
            .tagged("operations")
            .answers_with::<ReadyBody>(200, "It does.")
            .answers_with::<ReadyBody>(503, "It does not."),
        Operation::get(HEALTH_PATH, "getHealth", "How the node and everything that it works with are")
            .tagged("operations")
            .answers_with::<HealthBody>(200, "It takes requests; `degraded` if something is slow or down.")
            .answers_with::<HealthBody>(503, "It takes none."),
        Operation::get(METRICS_PATH, "getOwnMetrics", "The server's own counters")
            .tagged("operations")
            .needs(Needs::Operator)
            .answers_text("application/openmetrics-text", "OpenMetrics 1.0."),
    ]
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let problem = health.readiness.problem();
    let code = if problem.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = ReadyBody {
        status: problem.unwrap_or("ready"),
        failed_workers: health.readiness.lifecycle.failed(),
        details: (health.details)(),
    };
    (code, Json(body)).into_response()
}

/// Everything at once, so that it takes as long as the slowest: at most 80 ms.
async fn look_around(State(health): State<Arc<Health>>) -> Response {
    let started = Instant::now();
    let lifecycle = health.readiness.lifecycle();
    let looks = health.dependencies.iter().map(|dependency| dependency.look(lifecycle));
    let dependencies = futures_util::future::join_all(looks).await;
    let problem = health.readiness.problem();
    let all_up = dependencies.iter().all(|dependency| dependency.status == DependencyStatus::Up);
    let (code, status) = match (problem, all_up) {
        (Some(_), _) => (StatusCode::SERVICE_UNAVAILABLE, NodeStatus::Down),
        (None, false) => (StatusCode::OK, NodeStatus::Degraded),
        (None, true) => (StatusCode::OK, NodeStatus::Up),
    };
    let body = HealthBody {
        status,
        problem,
        duration_ms: started.elapsed().as_secs_f64() * 1e3,
        version: env!("CARGO_PKG_VERSION"),
        dependencies,
        details: (health.details)(),
    };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    match health.exposition() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use prometheus_client::metrics::gauge::Gauge;
    use tower::ServiceExt;

    use super::*;

    fn health(
        lifecycle: &Lifecycle,
        conditions: Vec<Condition>,
        registry: Registry,
        refresh: Vec<Refresh>,
    ) -> Health {
        let details: Details =
            Box::new(|| serde_json::Map::from_iter([("durability".to_owned(), "journal".into())]));
        let probe: Probe = Box::new(|| Box::pin(async { Err("gone".to_owned()) }));
        let dependencies = vec![Dependency::new("store", "embedded", probe)];
        let readiness = Readiness::new(lifecycle.clone(), conditions);
        Health { readiness, details, dependencies, registry, refresh }
    }

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
        let full = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&full);
        let condition: Condition =
            Box::new(move || watched.load(Ordering::Relaxed).then_some("journal full"));
        let health = health(&lifecycle, vec![condition], Registry::default(), Vec::new());
        let router = router(Arc::new(health));
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
        full.store(true, Ordering::Relaxed);
        let (status, body) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("journal full") && body.contains("\"durability\":\"journal\""), "{body}");
        lifecycle.thread("hasty", || {}).unwrap().join().unwrap();
        let (status, body) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("hasty"), "{body}");
        lifecycle.stop();
        assert!(get(&router, "/readyz").await.1.contains("stopping"));
        assert_eq!(get(&router, "/livez").await, (StatusCode::OK, "alive\n".to_owned()));
    }

    #[tokio::test]
    async fn a_node_that_takes_requests_without_a_dependency_is_degraded_and_one_that_takes_none_is_down() {
        let lifecycle = Lifecycle::default();
        let router = router(Arc::new(health(&lifecycle, Vec::new(), Registry::default(), Vec::new())));
        let (status, body) = get(&router, "/health").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"]), (StatusCode::OK, &"degraded".into()));
        assert_eq!(body["dependencies"][0]["status"], "down", "{body}");
        assert_eq!(body["durability"], "journal", "{body}");
        lifecycle.stop();
        let (status, body) = get(&router, "/health").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""problem":"stopping""#) && !body.contains("gone"), "{body}");
    }

    #[tokio::test]
    async fn gauges_are_fresh_when_they_are_read() {
        let (gauge, mut registry) = (Gauge::<i64>::default(), Registry::default());
        registry.register("level", "A level", gauge.clone());
        let refresh: Refresh = Box::new(move || _ = gauge.set(7));
        let health = health(&Lifecycle::default(), Vec::new(), registry, vec![refresh]);
        let (status, body) = get(&metrics_router(Arc::new(health)), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("level 7"), "{body}");
    }
}
