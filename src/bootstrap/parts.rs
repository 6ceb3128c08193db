//! Builds every part from the settings and connects them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::alerting::RuleFiles;
use crate::config::{self, Settings};
use crate::platform::clickhouse::Store;
use crate::platform::clock::SystemClock;
use crate::platform::cpu_pool::CpuPool;
use crate::platform::event_bus::EventBus;
use crate::platform::health::{Dependency, Refresh};
use crate::platform::http::{ByteBudget, ConnectionMetrics, RequestMetrics};
use crate::platform::journal;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::redis::exchange::Exchange;
use crate::querying::{
    CacheCounters, CachedReader, ClickHouseReader, ExploreMetrics, FeedLimits, Generations,
    GetMetricTimeSeries, ListMetrics, LiveFeed, Panes, QueryApi, QueryBounds, QueryCounters, ReaderLimits,
    Search, SearchApi, SecondLevel, StreamCounters, pane_bytes,
};
use crate::shared::{Clock, RollupCoverage, TenantId};
use crate::telemetry::{
    AttributeLimits, Catalogue, CatalogueLimits, CatalogueReader, ContentLimits, DecodeState, Ingest,
    IngestCounters, KeySeed, OtlpReplay, PartsMetrics, PartsPressure, Reach, Receiver, RejectionLog,
    RequestLimits, Stats, UnpackLimits, WritePath, WritePathParts,
};
use crate::tenancy::Access;

use super::access::build_access;
use super::alerting_host::AlertingHost;
use super::alerting_parts::AlertingAround;
use super::nodes::Farewell;
use super::reload::Reloading;
use super::{Process, Surroundings};
use super::{alerting_parts, dependencies, ingestion, redis, rollups, store_parts};

/// Bodies that wait for a decode thread, per thread.
const DECODE_QUEUE_PER_THREAD: usize = 256;
/// How long a query waits for its turn before it is told to come back.
const QUERY_WAIT_MAX: Duration = Duration::from_secs(5);
/// Buckets in one answer, over all groups.
const BUCKETS_MAX: usize = 2_000_000;
/// How often idle series are looked for.
const EVICTION_INTERVAL: Duration = Duration::from_secs(600);

/// What the query routes work with. All take turns at the same reader.
pub struct Queries {
    pub metrics: Arc<QueryApi<CachedReader<ClickHouseReader>>>,
    pub search: Arc<SearchApi<ClickHouseReader>>,
    pub feed: Arc<LiveFeed>,
}

/// Everything that runs, ready to be given its listeners.
pub struct Parts {
    pub lifecycle: Lifecycle,
    pub registry: Registry,
    pub refresh: Vec<Refresh>,
    pub dependencies: Vec<Dependency>,
    pub connections: ConnectionMetrics,
    pub requests: RequestMetrics,
    pub receiver: Arc<Receiver<CatalogueReader>>,
    pub access: Access,
    /// What the API lists; ingestion records into it.
    pub rejections: Arc<RejectionLog>,
    pub queries: Queries,
    /// The routes of alerting.
    pub alerts: Router,
    /// ClickHouse's HTTP interface, where it is to be had.
    pub sql: Option<Router>,
    pub write_path: Arc<WritePath>,
    pub store: Arc<dyn Store>,
    pub stats: Stats,
    /// What talks with other nodes, where there may be any.
    pub exchange: Option<Exchange>,
    pub farewell: Option<Farewell>,
}

pub async fn build(
    settings: &Settings,
    rules: &RuleFiles,
    process: &Process,
    surroundings: &dyn Surroundings,
) -> anyhow::Result<Parts> {
    let lifecycle = Lifecycle::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut registry = Registry::with_prefix("telemetryflow");
    let (opened, sql) = store_parts::open(settings, &mut registry)?;
    let store = surroundings.store(opened);

    let generations = redis::generations(settings);
    let shared = redis::open(settings, &generations, &mut registry)?;
    let panes = || Arc::new(Panes::new(pane_bytes(settings.query.cache_bytes.bytes()), Arc::clone(&clock)));
    let panes = (!redis::has_others(settings)).then(panes);
    let feed = build_feed(settings, &lifecycle, &mut registry);
    let (kept, counted, stream) = (panes.clone(), Arc::clone(&generations), Arc::clone(&feed));
    let rolled_up = rollups::register(settings, &clock);
    // Rollups and panes first: who sees a generation finds its points, and reads no rows that lack them.
    let bus = redis::heard_by(rollups::heard_by(EventBus::default(), rolled_up.as_ref()), shared.as_ref())
        .with_inline(move |event| kept.iter().for_each(|panes| panes.observe(event)))
        .with_inline(move |event| counted.observe(event))
        .with_inline(move |event| stream.observe(event));
    let bus = Arc::new(bus);
    let alerting = AlertingHost::open(settings, rules, (&clock, &bus), &mut registry).await?;

    let access = build_access(settings, &clock, &mut registry)?;
    let counters = IngestCounters::register(&mut registry);
    let catalogue = Catalogue::new(catalogue_limits(settings), alerting.watch(), Arc::clone(&clock));
    let seed = KeySeed(fastrand::u64(..));
    let replayed = Arc::clone(&catalogue);
    let write_path = WritePath::start(
        ingestion::write_path_options(settings),
        WritePathParts {
            store: Arc::clone(&store),
            pressure: PartsPressure::new(Arc::clone(&store), PartsMetrics::register(&mut registry)),
            bus: Arc::clone(&bus),
            catalogue: Arc::clone(&catalogue),
            counters: counters.clone(),
            clock: Arc::clone(&clock),
            make_replay: Arc::new(move || Box::new(OtlpReplay::new(replayed.replay_reader(), seed))),
            journal: ingestion::journal(settings, surroundings)?,
        },
        &lifecycle,
    )?;
    let durability = ingestion::durability(settings);
    let stats = Stats {
        durability,
        ledger: write_path.ledger(),
        journal: write_path.journal(),
        clock: Arc::clone(&clock),
    };
    if let Some(journal) = write_path.journal() {
        journal::collector::register(&mut registry, journal, Arc::clone(&clock));
    }
    let ingest = Ingest::new(durability, Arc::clone(&write_path) as _, write_path.resent(), counters.clone());
    let rates = redis::rates(settings);
    let budget = ByteBudget::new(settings.ingest.budget_bytes.as_usize());
    let rejections = Arc::<RejectionLog>::default();
    let receiver = Arc::new(Receiver {
        ingest,
        decode: decode_pool(settings, &catalogue, &lifecycle)?,
        budget: budget.clone(),
        limits: request_limits(settings),
        seed,
        hash_seed: write_path.hash_seed(),
        access: access.clone(),
        rates: Arc::clone(&rates),
        counters,
        rejections: Arc::clone(&rejections),
        clock: Arc::clone(&clock),
    });
    let second_level = redis::second_level(shared.as_ref(), &mut registry, &lifecycle);
    let (queries, past) = build_queries(
        settings,
        &store,
        (generations, panes, rollups::coverage(rolled_up.as_ref())),
        second_level,
        feed,
        &clock,
        &mut registry,
    );
    let refresh = gauges(&mut registry, budget, Arc::clone(&catalogue));
    let connections = ConnectionMetrics::register(&mut registry);
    let requests = RequestMetrics::register(&mut registry);
    let mut dependencies = dependencies::all(settings, &store, &write_path, alerting.dependency());
    dependencies.extend(shared.as_ref().map(redis::dependency));
    let exchange = shared.as_ref().map(|shared| redis::start(shared, &rates));

    let (source, level) = (process.source.clone(), process.level.clone());
    let reloading = Reloading { source, level, access: access.clone(), rates, rules: alerting.reload() };
    reloading.on_hangup(settings, &lifecycle)?;
    let past = alerting_parts::past(past, write_path.in_transit());
    let around = AlertingAround::new(settings, access.clone(), past, &write_path);
    let farewell = alerting.farewell();
    let alerts = alerting.start(around, &lifecycle);
    if let Some(rolled_up) = rolled_up {
        rollups::start(settings, &store, rolled_up, &bus, &clock, &mut registry, &lifecycle);
    }
    evict_regularly(catalogue, &lifecycle);
    Ok(Parts {
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
    })
}

fn catalogue_limits(settings: &Settings) -> CatalogueLimits {
    CatalogueLimits {
        series_max_per_tenant: settings.ingest.series_max_per_tenant,
        idle_max: settings.ingest.series_idle_max,
    }
}

fn decode_pool(
    settings: &Settings,
    catalogue: &Arc<Catalogue>,
    lifecycle: &Lifecycle,
) -> std::io::Result<CpuPool<DecodeState<CatalogueReader>>> {
    let threads = settings.ingest.decode_threads;
    let shared = Arc::clone(catalogue);
    let make_state = move || DecodeState::new(shared.reader());
    CpuPool::start("decoder", threads, threads * DECODE_QUEUE_PER_THREAD, make_state, lifecycle)
}

fn request_limits(settings: &Settings) -> RequestLimits {
    let ingest = &settings.ingest;
    let content = ContentLimits {
        body: UnpackLimits {
            bytes_max: ingest.body_bytes_max.as_usize(),
            ratio_max: usize::try_from(ingest.body_ratio_max).unwrap_or(usize::MAX),
        },
        attributes: AttributeLimits {
            count_max: ingest.attributes_max,
            key_bytes_max: ingest.attribute_key_bytes_max.as_usize(),
            value_bytes_max: ingest.attribute_value_bytes_max.as_usize(),
        },
        log_body_bytes_max: ingest.log_body_bytes_max.as_usize(),
    };
    let reach = |retention| reach(ingest, retention);
    RequestLimits {
        content,
        metrics: reach(settings.store.retention_metrics),
        logs: reach(settings.store.retention_logs),
        traces: reach(settings.store.retention_traces),
    }
}

/// What is older than the retention would be stored only to be thrown away.
fn reach(ingest: &config::Ingest, retention: Duration) -> Reach {
    let past = match ingest.accept_past {
        config::Reach::Within(past) => past.min(retention),
        config::Reach::Unlimited => retention,
    };
    let future = match ingest.accept_future {
        config::Reach::Within(future) => Some(future),
        config::Reach::Unlimited => None,
    };
    Reach { past: Some(past), future }
}

fn build_queries(
    settings: &Settings,
    store: &Arc<dyn Store>,
    (generations, panes, rollups): (Arc<Generations>, Option<Arc<Panes>>, Arc<dyn RollupCoverage>),
    second_level: Option<SecondLevel>,
    feed: Arc<LiveFeed>,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
) -> (Queries, ClickHouseReader) {
    let concurrency_max = settings.query.concurrency_max.min(settings.store.readers);
    let limits = ReaderLimits {
        concurrency_max,
        concurrency_max_per_tenant: tenant_share(settings, concurrency_max),
        wait_max: QUERY_WAIT_MAX,
        buckets_max: BUCKETS_MAX,
    };
    let reader = ClickHouseReader::new(
        Arc::clone(store),
        limits,
        Arc::clone(&generations),
        rollups,
        QueryCounters::register(registry),
    );
    let counters = CacheCounters::register(registry);
    let (search, past) = (Search::new(Arc::new(reader.clone())), reader.clone());
    let bytes_max = settings.query.cache_bytes.bytes();
    let reader = CachedReader::new(reader, generations, panes, Arc::clone(clock), bytes_max, counters);
    let reader = Arc::new(reader.with_second_level(second_level));
    let points_max = settings.query.points_max as u64;
    let metrics = QueryApi {
        time_series: GetMetricTimeSeries::new(Arc::clone(&reader), Arc::clone(clock)),
        metrics: ListMetrics::new(Arc::clone(&reader)),
        explore: ExploreMetrics::new(reader),
        bounds: QueryBounds { points_max, series_max: settings.query.series_max },
        clock: Arc::clone(clock),
    };
    let search = Arc::new(SearchApi { search, points_max, clock: Arc::clone(clock) });
    (Queries { metrics: Arc::new(metrics), search, feed }, past)
}

fn build_feed(settings: &Settings, lifecycle: &Lifecycle, registry: &mut Registry) -> Arc<LiveFeed> {
    let limits = FeedLimits {
        clients_max: settings.stream.clients_max,
        clients_max_per_tenant: settings.stream.clients_max_per_tenant,
        client_bytes_max: settings.stream.client_bytes_max.as_usize(),
    };
    let (feed, inbox) = LiveFeed::new(limits, StreamCounters::register(registry));
    feed.start(inbox, lifecycle);
    feed
}

/// Where there are several tenants, one of them leaves a turn to the others.
fn tenant_share(settings: &Settings, turns: usize) -> usize {
    let tenants: BTreeSet<&TenantId> = settings.keys.values().map(|key| &key.tenant).collect();
    let most = if tenants.len() > 1 { turns.saturating_sub(1).max(1) } else { turns };
    settings.query.concurrency_max_per_tenant.min(most)
}

/// Gauges that are read off their owners when somebody asks.
fn gauges(registry: &mut Registry, budget: ByteBudget, catalogue: Arc<Catalogue>) -> Vec<Refresh> {
    let (memory, series) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    registry.register("ingest_memory_bytes", "Bytes held for bodies and points in flight", memory.clone());
    registry.register("series_live", "Series in the catalogue", series.clone());
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    vec![
        Box::new(move || _ = memory.set(count(budget.used()))),
        Box::new(move || _ = series.set(count(catalogue.len()))),
    ]
}

fn evict_regularly(catalogue: Arc<Catalogue>, lifecycle: &Lifecycle) {
    let stop = lifecycle.stop_token();
    lifecycle.spawn("catalogue eviction", async move {
        while stop.run_until_cancelled(tokio::time::sleep(EVICTION_INTERVAL)).await.is_some() {
            catalogue.evict_idle();
        }
    });
}
