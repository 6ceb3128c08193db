//! What tenancy counts, for `/metrics`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Counts requests that were not let in.
#[derive(Debug, Clone, Default)]
pub struct AccessCounters {
    refused: Family<Reason, Counter>,
}

impl AccessCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("access");
        registry.register("refused", "Requests not let in, by reason", own.refused.clone());
        own
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }
}

#[cfg(test)]
impl AccessCounters {
    pub(super) fn count(&self, reason: &'static str) -> u64 {
        self.refused.get_or_create(&Reason { reason }).get()
    }
}
