//! The use cases: evaluate what was ingested, and deliver what came of it. Other layers and tests bring the adapters.

pub(super) mod backoff;
pub(super) mod channel;
pub(super) mod deliver;
pub(super) mod evaluate;
pub(super) mod metrics;
pub(super) mod outbox;
