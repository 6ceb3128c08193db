//! What tenancy can be asked: who a credential belongs to and what that allows, and for a new key.

mod access;
mod counters;
mod credential;
mod failures;
mod new_key;

pub use access::{Access, AccessError, Denial};
pub use counters::AccessCounters;
pub use credential::hash_secret;
pub use new_key::NewKey;
