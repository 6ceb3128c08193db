//! The ports: bound first, served when everything behind them is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;

use crate::alerting;
use crate::config::{LogFormat, Settings, StoreKind};
use crate::platform::clickhouse::Store;
use crate::platform::health::{self, Health, Readiness};
use crate::platform::http::openapi;
use crate::platform::http::{
    ConnectionLimits, ConnectionMetrics, Protocol, RequestMetrics, identify, method_not_allowed, serve,
    unknown_path,
};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::log_level;
use crate::platform::redis::exchange::Exchange;
use crate::querying;
use crate::telemetry::{self, WritePath};
use crate::tenancy::{Access, Action, guarded};

use super::Process;
use super::access::warn_if_open;
use super::ingestion;
use super::nodes::Farewell;
use super::openapi::document;
use super::own_telemetry;
use super::parts::Parts;

/// Of the time to stop, what is kept for storing what was accepted last.
const DRAIN_RESERVE: Duration = Duration::from_secs(5);
/// Connections to the SQL listener at once.
const SQL_CONNECTIONS_MAX: usize = 1_000;
/// Statements may stand in the address.
const SQL_HEAD_BYTES_MAX: usize = 256 * 1024;

/// Bound, not yet served.
pub struct Listeners {
    otlp_grpc: TcpListener,
    otlp_http: TcpListener,
    api: TcpListener,
    sql: Option<TcpListener>,
}

/// What has to be stopped.
pub struct Running {
    pub lifecycle: Lifecycle,
    pub write_path: Arc<WritePath>,
    pub store: Arc<dyn Store>,
    pub exchange: Option<Exchange>,
    pub farewell: Option<Farewell>,
    durability: &'static str,
    otlp_grpc: Option<SocketAddr>,
    otlp_http: Option<SocketAddr>,
    api: Option<SocketAddr>,
    sql: Option<SocketAddr>,
}

pub async fn bind(settings: &Settings) -> anyhow::Result<Listeners> {
    Ok(Listeners {
        otlp_grpc: bind_one(settings, "otlp_grpc", settings.listen.otlp_grpc).await?,
        otlp_http: bind_one(settings, "otlp_http", settings.listen.otlp_http).await?,
        api: bind_one(settings, "api", settings.listen.api).await?,
        sql: bind_sql(settings).await?,
    })
}

/// The configuration has seen to it that others than this machine need a password.
async fn bind_sql(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = settings.store.sql.listen else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound.map(Some).with_context(|| format!("cannot listen on {address} ([store.sql] listen)"))
}

async fn bind_one(settings: &Settings, key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    warn_if_open(settings, key, address);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ([listen] {key})"))
}

pub async fn start(
    listeners: Listeners,
    parts: Parts,
    process: &Process,
    settings: &Settings,
) -> anyhow::Result<Running> {
    let Parts {
        lifecycle,
        registry,
        refresh,
        dependencies,
        connections,
        requests,
        receiver,
        access,
        rejections,
        queries,
        alerts,
        sql,
        write_path,
        store,
        stats,
        exchange,
        farewell,
    } = parts;
    let limits = ConnectionLimits {
        drain_time_max: settings.shutdown.deadline.saturating_sub(DRAIN_RESERVE).max(Duration::from_secs(1)),
        ..ConnectionLimits::default()
    };
    let durability = stats.durability.name();
    let readiness = Readiness::new(lifecycle.clone(), ingestion::conditions(stats.journal.clone()));
    let details = ingestion::details(stats.clone());
    let health = Arc::new(Health { readiness: readiness.clone(), details, dependencies, registry, refresh });
    own_telemetry::metrics(process.export.as_ref(), &health, &stats.clock, &lifecycle)?;
    let address = |listener: &TcpListener| listener.local_addr().ok();
    let (otlp_grpc, otlp_http, api_address) =
        (address(&listeners.otlp_grpc), address(&listeners.otlp_http), address(&listeners.api));
    let serving = Serving { connections, requests, lifecycle: lifecycle.clone() };
    let grpc_router = telemetry::grpc_router(&receiver, &readiness).await?;
    let task = ("otlp_grpc", "otlp_grpc listener");
    serving.start(task, listeners.otlp_grpc, grpc_router, Protocol::Http2, limits.clone());
    let otlp_router = telemetry::router(&receiver, &settings.ingest.cors_origins);
    let task = ("otlp_http", "otlp_http listener");
    serving.start(task, listeners.otlp_http, otlp_router, Protocol::Http1, limits.clone());
    let own = telemetry::api_router(rejections, stats, access.clone());
    let routes = querying::router(queries.metrics, access.clone())
        .merge(querying::search_router(queries.search, access.clone()))
        .merge(querying::stream_router(queries.feed, access.clone()))
        .merge(own)
        .merge(guarded(log_level::router(process.level.clone()), access.clone(), Action::Operate))
        .merge(alerts);
    let api_router = api(routes, access, health);
    serving.start(("api", "api listener"), listeners.api, api_router, Protocol::Http1, limits.clone());
    let sql_address = listeners.sql.as_ref().and_then(address);
    if let (Some(listener), Some(router)) = (listeners.sql, sql) {
        let limits = ConnectionLimits {
            connections_max: SQL_CONNECTIONS_MAX,
            head_bytes_max: SQL_HEAD_BYTES_MAX,
            ..limits
        };
        serving.start(("sql", "sql listener"), listener, router, Protocol::Http1, limits);
    }
    Ok(Running {
        lifecycle,
        write_path,
        store,
        exchange,
        farewell,
        durability,
        otlp_grpc,
        otlp_http,
        api: api_address,
        sql: sql_address,
    })
}

/// What all listeners are served with.
struct Serving {
    connections: ConnectionMetrics,
    requests: RequestMetrics,
    lifecycle: Lifecycle,
}

impl Serving {
    /// Serves until the process stops. The listener's name is the one in the metrics; the other is its task's.
    fn start(
        &self,
        (name, task): (&'static str, &'static str),
        listener: TcpListener,
        router: Router,
        protocol: Protocol,
        limits: ConnectionLimits,
    ) {
        let router = router.layer(from_fn_with_state(self.requests.listener(name), identify));
        let metrics = self.connections.listener(name);
        let served = serve(listener, router, protocol, limits, metrics, self.lifecycle.clone());
        self.lifecycle.spawn(task, served);
    }
}

/// `/livez`, `/readyz` and the description of the API are for everybody; counters name tenants, so where there are keys one has to be an operator.
fn api(routes: Router, access: Access, health: Arc<Health>) -> Router {
    let ingestion = [telemetry::REJECTIONS_PATH, telemetry::STATS_PATH, log_level::LOG_LEVEL_PATH];
    let known =
        [&querying::PATHS[..], &alerting::paths(), &ingestion, &health::PATHS, &openapi::PATHS].concat();
    routes
        .merge(openapi::router(&document()))
        .merge(health::router(Arc::clone(&health)))
        .merge(guarded(health::metrics_router(health), access, Action::Operate))
        .fallback(async move |uri: Uri| unknown_path(uri.path(), &known))
        .method_not_allowed_fallback(method_not_allowed)
}

impl Running {
    /// Tells where to send and where to look. The addresses are the bound ones, also where a port was left to the system.
    pub fn say_ready(&self, settings: &Settings) {
        let (Some(grpc), Some(otlp), Some(api)) = (self.otlp_grpc, self.otlp_http, self.api) else { return };
        tracing::info!(otlp_grpc = %grpc, otlp_http = %otlp, api = %api, durability = self.durability, "ready");
        if let Some(sql) = self.sql {
            tracing::info!(%sql, "SQL over ClickHouse's HTTP interface");
        }
        if settings.log.format == LogFormat::Text {
            let data = match &settings.store.kind {
                StoreKind::Embedded => settings.store.path.display().to_string(),
                StoreKind::Network(network) => {
                    let addresses: Vec<String> = network.endpoints.iter().map(ToString::to_string).collect();
                    format!("{} (database {})", addresses.join(", "), network.database.as_str())
                }
                StoreKind::Null => "nowhere (store kind \"null\")".to_owned(),
            };
            let sql = self
                .sql
                .map(|sql| format!("  sql     POST http://{sql}/                (ClickHouse over HTTP)\n"));
            let sql = sql.unwrap_or_default();
            crate::cli::say(format_args!(
                "TelemetryFlow {version} is ready.\n  \
                 send    POST http://{otlp}/v1/metrics      (OTLP/HTTP)\n  \
                 send    gRPC http://{grpc}                (OTLP/gRPC)\n  \
                 query   GET  http://{api}/api/v2/metrics\n  \
                 health  GET  http://{api}/readyz  and  http://{api}/metrics\n\
                 {sql}  data    {data}\n\
                 Stop with Ctrl-C.",
                version = env!("CARGO_PKG_VERSION"),
            ));
        }
    }
}
