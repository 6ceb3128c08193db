//! `telemetryflow rules backtest`: a rule over what the tables of a server that is not running hold.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use prometheus_client::registry::Registry;

use super::store_parts::{embedded_options, network_options};
use super::{alerting_parts, load_rules};
use crate::alerting::{self, Lateness, Played, Wanted};
use crate::config::{Settings, StoreKind};
use crate::platform::clickhouse::Store;
use crate::platform::clickhouse::embedded::EmbeddedStore;
use crate::platform::clickhouse::network::NetworkStore;
use crate::querying::{ClickHouseReader, Generations, QueryCounters, ReaderLimits};
use crate::shared::{NoRollups, TenantId, TimeRange};

/// There is one reader, which waits for nobody.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Buckets are not asked for.
const BUCKETS_MAX: usize = 1;

/// Which rule is tried on which past.
#[derive(Debug)]
pub struct BacktestRequest {
    pub rule: String,
    /// Rule files other than those of the configuration.
    pub rules: Option<PathBuf>,
    pub range: TimeRange,
    pub wanted: Wanted,
}

/// What the rule would have done, tenant by tenant.
pub fn run(settings: &Settings, request: &BacktestRequest) -> anyhow::Result<Vec<(TenantId, Played)>> {
    let files = match &request.rules {
        Some(path) => alerting::load_rules(path, None)?,
        None => load_rules(settings)?,
    };
    let found = files.rules().rules().iter().find(|rule| rule.id.as_str() == request.rule);
    let Some(rule) = found else { bail!("there is no rule {:?}", request.rule) };
    let store: Arc<dyn Store> = match &settings.store.kind {
        StoreKind::Null => bail!("store kind \"null\" keeps nothing"),
        StoreKind::Network(network) => Arc::new(NetworkStore::new(&network_options(settings, network))?),
        StoreKind::Embedded => {
            Arc::new(EmbeddedStore::open(&embedded_options(settings)?).context("cannot open the store")?)
        }
    };
    let past = alerting_parts::past(reader(store), Arc::default());
    let lateness = settings.alerting.allowed_lateness;
    let tenants: BTreeSet<TenantId> = match &rule.tenant {
        Some(tenant) => BTreeSet::from([tenant.clone()]),
        None => alerting_parts::tenants(settings).into_iter().collect(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut all = Vec::new();
    for tenant in tenants {
        let evidence = alerting::evidence(rule, tenant.clone(), request.range, lateness, &*past);
        let evidence = runtime.block_on(evidence)?;
        let (rule, lateness) = (Arc::clone(rule), Lateness(lateness));
        let played = alerting::backtest(rule, evidence, request.range, lateness, request.wanted)?;
        all.push((tenant, played));
    }
    Ok(all)
}

fn reader(store: Arc<dyn Store>) -> ClickHouseReader {
    let limits = ReaderLimits {
        concurrency_max: 1,
        concurrency_max_per_tenant: 1,
        wait_max: WAIT_MAX,
        buckets_max: BUCKETS_MAX,
    };
    let counters = QueryCounters::register(&mut Registry::default());
    ClickHouseReader::new(store, limits, Arc::new(Generations::default()), Arc::new(NoRollups), counters)
}
