//! Builds the store from the settings, and its SQL listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use prometheus_client::registry::Registry;

use crate::config::{Library, Network, Settings, SqlAccess, StoreKind};
use crate::platform::clickhouse::deployment::{Cluster, Deployment};
use crate::platform::clickhouse::embedded::{EmbeddedOptions, EmbeddedStore, QueryLimits, find_library};
use crate::platform::clickhouse::listener::{self, ListenerCounters, ListenerLimits, Rights, SqlUser, Users};
use crate::platform::clickhouse::migrations::migrate;
use crate::platform::clickhouse::network::{NetworkOptions, NetworkStore};
use crate::platform::clickhouse::{NullStore, Store, StoreError, StoreErrorKind};
use crate::telemetry::schema;

/// Longest time of a statement that writes over the SQL listener.
const SQL_CHANGE_TIME_MAX: Duration = Duration::from_secs(600);
/// How long a server that does not answer is waited for at the start, and how often it is asked.
const NETWORK_WAIT_MAX: Duration = Duration::from_secs(60);
const NETWORK_RETRY: Duration = Duration::from_secs(1);

/// The store, ready to be used, and the routes of ClickHouse's HTTP interface to it where they are asked for.
pub fn open(
    settings: &Settings,
    registry: &mut Registry,
) -> anyhow::Result<(Arc<dyn Store>, Option<Router>)> {
    match &settings.store.kind {
        StoreKind::Null => Ok((Arc::new(NullStore), None)),
        StoreKind::Network(network) => Ok((Arc::new(open_network(settings, network)?.0), None)),
        StoreKind::Embedded => {
            let store = Arc::new(open_embedded(settings)?.0);
            let sql = match settings.store.sql.listen {
                None => None,
                Some(_) => Some(sql_router(settings, &store, ListenerCounters::register(registry))?),
            };
            Ok((store, sql))
        }
    }
}

pub fn embedded_options(settings: &Settings) -> anyhow::Result<EmbeddedOptions> {
    let configured = match &settings.store.library {
        Library::At(path) => Some(path.as_path()),
        Library::Search => None,
    };
    Ok(EmbeddedOptions {
        library: find_library(configured)?,
        path: settings.store.path.clone(),
        writers: settings.store.writers,
        readers: settings.store.readers,
        memory_bytes_max: settings.store.engine_memory_max.bytes(),
        query_limits: query_limits(settings),
    })
}

fn query_limits(settings: &Settings) -> QueryLimits {
    QueryLimits {
        time_max: settings.query.timeout,
        memory_bytes_max: settings.query.memory_bytes_max.bytes(),
        rows_max: settings.query.rows_max,
    }
}

/// Opens the store, brings its schema to this version, and closes it. Returns the version before.
pub fn open_prepared(settings: &Settings) -> anyhow::Result<u32> {
    match &settings.store.kind {
        StoreKind::Null => bail!("store kind \"null\" has no schema"),
        StoreKind::Network(network) => Ok(open_network(settings, network)?.1),
        StoreKind::Embedded => Ok(open_embedded(settings)?.1),
    }
}

fn open_embedded(settings: &Settings) -> anyhow::Result<(EmbeddedStore, u32)> {
    let options = embedded_options(settings)?;
    let store = EmbeddedStore::open(&options)?;
    let found = prepare(&store, settings)?;
    tracing::info!(path = %options.path.display(), schema_found = found, "the embedded store is open");
    Ok((store, found))
}

fn open_network(settings: &Settings, network: &Network) -> anyhow::Result<(NetworkStore, u32)> {
    let store =
        NetworkStore::new(&network_options(settings, network)).context("cannot set up the store's client")?;
    let started = Instant::now();
    // A server that is away at the start is waited for a while, as systems come up in any order.
    let found = loop {
        match prepare(&store, settings) {
            Err(error) if is_away(&error) && started.elapsed() < NETWORK_WAIT_MAX => {
                tracing::warn!(error = %format_args!("{error:#}"), "the store does not answer yet");
                std::thread::sleep(NETWORK_RETRY);
            }
            prepared => break prepared.context("cannot prepare the store")?,
        }
    };
    tracing::info!(endpoints = ?store, schema_found = found, "the network store is open");
    Ok((store, found))
}

pub fn network_options(settings: &Settings, network: &Network) -> NetworkOptions {
    NetworkOptions {
        endpoints: network.endpoints.clone(),
        user: network.user.clone(),
        password: network.password.clone(),
        trust: network.trust.clone(),
        deployment: deployment(network),
        query_limits: query_limits(settings),
    }
}

pub fn deployment(network: &Network) -> Deployment {
    let cluster = network.cluster.clone().map(|name| Cluster { name, quorum: network.quorum });
    Deployment::new(network.database.clone(), cluster)
}

/// Whether it may be there a little later.
fn is_away(error: &anyhow::Error) -> bool {
    let of_store = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    of_store.is_some_and(|error| matches!(error.kind, StoreErrorKind::Unavailable | StoreErrorKind::Unknown))
}

/// Brings the schema to this version, and says how long what is kept. Returns the version before.
pub fn prepare(store: &dyn Store, settings: &Settings) -> anyhow::Result<u32> {
    let found = migrate(store, schema::MIGRATIONS)?;
    schema::retain_metrics(store, settings.store.retention_metrics, settings.rollups.retention)
        .and_then(|()| schema::retain_logs(store, settings.store.retention_logs))
        .and_then(|()| schema::retain_traces(store, settings.store.retention_traces))
        .context("cannot set the retention")?;
    Ok(found)
}

fn sql_router(
    settings: &Settings,
    store: &Arc<EmbeddedStore>,
    counters: ListenerCounters,
) -> anyhow::Result<Router> {
    let sql = &settings.store.sql;
    let users: BTreeMap<String, SqlUser> = settings
        .sql_users
        .iter()
        .map(|(name, user)| {
            let rights = match user.access {
                SqlAccess::Read => Rights::Read,
                SqlAccess::Write => Rights::Write,
            };
            (name.clone(), SqlUser { hash: user.hash, rights })
        })
        .collect();
    let limits = ListenerLimits {
        statements_max: sql.statements_max,
        body_bytes_max: sql.body_bytes_max.as_usize(),
        answer_bytes_max: sql.answer_bytes_max.bytes(),
        query: query_limits(settings),
        change_time_max: SQL_CHANGE_TIME_MAX,
    };
    listener::router(Arc::clone(store), Users::new(users), limits, counters)
        .context("cannot ask the engine about itself")
}
