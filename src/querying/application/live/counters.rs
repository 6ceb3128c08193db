//! What is counted of the live stream, for `/metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::mailbox::{Delivered, Missed};

#[derive(Debug, Clone, Default)]
pub struct StreamCounters {
    clients: Gauge,
    sent: Counter,
    missed_items: Counter,
    missed_batches: Counter,
    refused: Counter,
}

impl StreamCounters {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("stream");
        registry.register("clients", "Clients that listen to the live stream", own.clients.clone());
        registry.register("events_sent", "Events handed to clients of the live stream", own.sent.clone());
        let help = "Items that clients of the live stream were too slow for";
        registry.register("items_missed", help, own.missed_items.clone());
        let help = "Stored batches that were not looked into for a client of the live stream";
        registry.register("batches_missed", help, own.missed_batches.clone());
        registry.register("refused", "Clients that found no place on the live stream", own.refused.clone());
        own
    }

    pub(super) fn came(&self) {
        self.clients.inc();
    }

    pub(super) fn left(&self) {
        self.clients.dec();
    }

    pub(super) fn refused(&self) {
        self.refused.inc();
    }

    pub(super) fn handed_over(&self, delivered: &Delivered) {
        match delivered {
            Delivered::Message { .. } => _ = self.sent.inc(),
            Delivered::Missed(Missed { items, batches }) => {
                self.missed_items.inc_by(*items);
                self.missed_batches.inc_by(*batches);
            }
        }
    }
}
