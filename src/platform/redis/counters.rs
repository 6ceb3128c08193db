//! What Redis was asked, and what became of it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is asked of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Ping,
    Get,
    Set,
    Remove,
    Publish,
    Read,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Ok,
    /// There is no connection.
    Away,
    /// The breaker is open.
    Skipped,
    Slow,
    /// Redis said no.
    Refused,
    /// The connection broke, or the answer was none.
    Broken,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Get => "get",
            Self::Set => "set",
            Self::Remove => "remove",
            Self::Publish => "publish",
            Self::Read => "read",
        }
    }
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Away => "away",
            Self::Skipped => "skipped",
            Self::Slow => "slow",
            Self::Refused => "refused",
            Self::Broken => "broken",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Default)]
pub struct RedisCounters {
    operations: Family<Labels, Counter>,
    connects: Counter,
    connected: Gauge,
}

impl RedisCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("redis");
        registry.register("operations", "What Redis was asked, by outcome", own.operations.clone());
        registry.register("connects", "Connections that were made to Redis", own.connects.clone());
        registry.register("connected", "1 while there is a connection to Redis", own.connected.clone());
        own
    }

    pub(super) fn count(&self, operation: Operation, outcome: Outcome) {
        self.operations.get_or_create(&Labels { operation: operation.name(), outcome: outcome.name() }).inc();
    }

    pub(super) fn came(&self) {
        self.connects.inc();
        self.connected.set(1);
    }

    pub(super) fn went(&self) {
        self.connected.set(0);
    }
}
