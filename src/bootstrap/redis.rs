//! What several nodes over one store share by way of Redis, where one is configured.

use std::sync::Arc;

use anyhow::Context;
use prometheus_client::registry::Registry;

use crate::config::{Nodes, Settings};
use crate::platform::event_bus::EventBus;
use crate::platform::health::{Dependency, Probe};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::redis::exchange::{Bell, Exchange, ExchangeCounters, Subjects};
use crate::platform::redis::{RedisClient, RedisCounters, RedisOptions};
use crate::querying::{Generations, SecondLevel, SecondLevelCounters, SharedChanges};
use crate::tenancy::{Rates, SharedRates};

use super::access::rate_limits;

/// One connection to Redis, and what runs beside it.
#[derive(Debug)]
pub struct SharedRedis {
    client: RedisClient,
    bell: Bell,
    counters: ExchangeCounters,
    pub changes: Arc<SharedChanges>,
    cache_bytes: u64,
}

/// Absent where this is the only node.
pub fn open(
    settings: &Settings,
    generations: &Arc<Generations>,
    registry: &mut Registry,
) -> anyhow::Result<Option<SharedRedis>> {
    let Some(server) = &settings.redis.server else { return Ok(None) };
    let options = RedisOptions {
        address: server.address.clone(),
        password: server.password.clone(),
        ca_file: server.ca_file.clone(),
        prefix: settings.redis.prefix.clone(),
    };
    let client =
        RedisClient::new(&options, RedisCounters::register(registry)).context("cannot set up [redis]")?;
    let cache_bytes = settings.redis.cache_bytes.bytes();
    let bell = Bell::default();
    let changes = Arc::new(SharedChanges::new(Arc::clone(generations), bell.clone()));
    Ok(Some(SharedRedis {
        client,
        bell,
        counters: ExchangeCounters::register(registry),
        changes,
        cache_bytes,
    }))
}

/// Whether others may store something that this server does not hear of by itself.
pub fn has_others(settings: &Settings) -> bool {
    settings.redis.server.is_some() || matches!(settings.nodes, Nodes::Several(_))
}

/// What counts changes: with others, if there may be any. Without Redis nobody tells of theirs, and nothing cached is trusted.
pub fn generations(settings: &Settings) -> Arc<Generations> {
    Arc::new(if has_others(settings) { Generations::among_others() } else { Generations::default() })
}

/// Changes are noted before they are counted here.
pub fn heard_by(bus: EventBus, shared: Option<&SharedRedis>) -> EventBus {
    match shared.map(|shared| Arc::clone(&shared.changes)) {
        Some(changes) => bus.with_inline(move |event| changes.observe(event)),
        None => bus,
    }
}

/// What answers are kept for other nodes; absent where nothing is to be kept.
pub fn second_level(
    shared: Option<&SharedRedis>,
    registry: &mut Registry,
    lifecycle: &Lifecycle,
) -> Option<SecondLevel> {
    let shared = shared.filter(|shared| shared.cache_bytes > 0)?;
    let (client, changes) = (shared.client.clone(), Arc::clone(&shared.changes));
    let counters = SecondLevelCounters::register(registry);
    let (second_level, keeper) = SecondLevel::new(client, changes, shared.cache_bytes, counters);
    lifecycle.spawn("redis keeper", keeper.run(lifecycle.stop_token()));
    Some(second_level)
}

/// How fast tenants may send: here, or over all nodes together.
pub fn rates(settings: &Settings) -> Arc<Rates> {
    let rates = Rates::new(rate_limits(settings));
    Arc::new(if settings.redis.server.is_some() { rates.among_others() } else { rates })
}

/// Begins to talk with the other nodes. What is stored while the process stops is told, too: whoever stops it says goodbye.
pub fn start(shared: &SharedRedis, rates: &Arc<Rates>) -> Exchange {
    let rates = Arc::new(SharedRates::new(Arc::clone(rates)));
    let subjects: Subjects = Arc::new([Arc::clone(&shared.changes) as _, rates]);
    Exchange::start(&shared.client, subjects, shared.bell.clone(), shared.counters.clone())
}

/// What `/health` asks.
pub fn dependency(shared: &SharedRedis) -> Dependency {
    let (asked, watched) = (shared.client.clone(), shared.client.clone());
    let probe: Probe = Box::new(move || {
        let client = asked.clone();
        Box::pin(async move { client.ping().await.map_err(|error| error.to_string()) })
    });
    Dependency::new("redis", "redis", probe).with_breaker(Box::new(move || watched.breaker_state()))
}
