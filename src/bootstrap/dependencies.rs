//! What `/health` asks: everything that the node works with.

use std::sync::Arc;

use crate::config::{Settings, StoreKind};
use crate::platform::clickhouse::{Select, Store};
use crate::platform::health::{Dependency, Probe};
use crate::platform::resilience::BreakerState;
use crate::telemetry::WritePath;

const PING: &str = include_str!("../../clickhouse/platform/ping.sql");

pub fn all(
    settings: &Settings,
    store: &Arc<dyn Store>,
    write_path: &Arc<WritePath>,
    state: Dependency,
) -> Vec<Dependency> {
    let kind = match &settings.store.kind {
        StoreKind::Embedded => "embedded",
        StoreKind::Network(_) => "clickhouse",
        StoreKind::Null => "null",
    };
    let inserts = Arc::downgrade(write_path);
    let breaker = move || inserts.upgrade().map_or(BreakerState::Closed, |inserts| inserts.store_breaker());
    vec![Dependency::new("store", kind, ask_store(store)).with_breaker(Box::new(breaker)), state]
}

/// The store blocks.
fn ask_store(store: &Arc<dyn Store>) -> Probe {
    let store = Arc::downgrade(store);
    Box::new(move || {
        let store = store.upgrade();
        Box::pin(async move {
            let Some(store) = store else { return Err("it is closed".to_owned()) };
            let asked = tokio::task::spawn_blocking(move || store.select(&Select::new(PING, &[])).map(drop));
            asked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        })
    })
}
