//! What tenancy can be asked: who a credential belongs to what that allows and how fast, and for a new key.

mod access;
mod counters;
mod credential;
mod failures;
mod new_key;
mod rates;

pub use access::{Access, AccessError, Denial};
pub use counters::AccessCounters;
pub use credential::hash_secret;
pub use new_key::NewKey;
pub use rates::{Consumed, RateExceeded, RateLimits, RateOf, Rates};
