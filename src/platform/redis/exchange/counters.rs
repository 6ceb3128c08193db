//! How the nodes talk.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub struct ExchangeCounters {
    pub(super) told: Counter,
    pub(super) heard: Counter,
    pub(super) lost: Counter,
    pub(super) garbled: Counter,
    pub(super) nodes: Gauge,
    pub(super) silent: Gauge,
}

impl ExchangeCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("nodes");
        registry.register("messages_told", "Messages to the other nodes", own.told.clone());
        registry.register("messages_heard", "Messages of other nodes", own.heard.clone());
        let of = "How often messages of others may have been lost: nothing cached before is trusted then";
        registry.register("messages_lost", of, own.lost.clone());
        registry.register("messages_garbled", "Messages that make no sense", own.garbled.clone());
        registry.register("others", "Other nodes that are known", own.nodes.clone());
        let of = "1 while this node may not hear all that others say: nothing cached is trusted then";
        registry.register("unsure", of, own.silent.clone());
        own
    }
}
