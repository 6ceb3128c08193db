//! Tenancy: who may send and read what, and how fast. Only the credential decides; no other header names a tenant.

mod application;
mod domain;
mod infrastructure;
mod presentation;

pub use application::{
    Access, AccessCounters, AccessError, Denial, NewKey, RateExceeded, RateLimits, RateOf, Rates, hash_secret,
};
pub use domain::{Action, ApiKey, Caller, KeyId, KeyIdError, NotAllowed, Rate, Role, SecretHash};
pub use infrastructure::SharedRates;
pub use presentation::{guarded, permitted};
