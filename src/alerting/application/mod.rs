//! The use cases: evaluate what was ingested, remember what came of it, and tell people. Other layers and tests bring the adapters.

pub(super) mod alert_listing;
pub(super) mod backoff;
pub(super) mod commands;
pub(super) mod delivery;
pub(super) mod evaluate;
#[cfg(test)]
pub(super) mod fake_ledger;
pub(super) mod history;
pub(super) mod incidents;
pub(super) mod ledger;
pub(super) mod lookout;
pub(super) mod metrics;
pub(super) mod node_metrics;
pub(super) mod notify;
pub(super) mod outbox_ledger;
pub(super) mod own_measures;
pub(super) mod past;
pub(super) mod rehearse;
pub(super) mod rule_book;
pub(super) mod rule_store;
pub(super) mod rule_test;
pub(super) mod sighting;
pub(super) mod watch_switch;
