//! The use cases: evaluate what was ingested, and deliver what came of it. Other layers and tests bring the adapters.

#[allow(dead_code, reason = "users come with the API and the evaluator")]
pub(super) mod alert_listing;
pub(super) mod backoff;
pub(super) mod channel;
pub(super) mod deliver;
#[allow(dead_code, reason = "takes the place of `deliver` when the evaluator raises alerts")]
pub(super) mod delivery;
pub(super) mod evaluate;
#[cfg(test)]
pub(super) mod fake_ledger;
#[allow(dead_code, reason = "users come with the state database")]
pub(super) mod ledger;
pub(super) mod metrics;
#[allow(dead_code, reason = "users come with the API and the evaluator")]
pub(super) mod notify;
pub(super) mod outbox;
#[allow(dead_code, reason = "users come with the state database")]
pub(super) mod outbox_ledger;
