//! The use cases: evaluate what was ingested, and deliver what came of it. Other layers and tests bring the adapters.

pub(super) mod backoff;
pub(super) mod channel;
pub(super) mod deliver;
pub(super) mod evaluate;
#[allow(dead_code, reason = "users come with the state database")]
pub(super) mod ledger;
pub(super) mod metrics;
pub(super) mod outbox;
#[allow(dead_code, reason = "users come with the state database")]
pub(super) mod outbox_ledger;
