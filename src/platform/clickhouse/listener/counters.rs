//! What there is to see of the SQL listener on `/metrics`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::exception::Exception;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    /// ClickHouse's code; 0 is a success.
    code: u32,
}

/// Counts statements by how they ended, and those on their way.
#[derive(Debug, Clone, Default)]
pub struct ListenerCounters {
    ended: Family<Ended, Counter>,
    running: Gauge,
}

/// A statement that runs, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

impl ListenerCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("sql");
        registry.register(
            "statements",
            "Requests of the SQL listener that ended, by exception code",
            own.ended.clone(),
        );
        registry.register(
            "statements_running",
            "Statements of the SQL listener that run now",
            own.running.clone(),
        );
        own
    }

    pub fn running(&self) -> Counted {
        self.running.inc();
        Counted(self.running.clone())
    }

    pub fn ended<T>(&self, answer: &Result<T, Exception>) {
        let code = answer.as_ref().map_or_else(|exception| exception.code, |_| 0);
        self.ended.get_or_create(&Ended { code }).inc();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
