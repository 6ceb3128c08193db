//! Tenancy: who may send and read what. Only the credential decides; no other header names a tenant.

mod application;
mod domain;
mod presentation;

pub use application::{Access, AccessCounters, AccessError, Denial, NewKey, hash_secret};
pub use domain::{Action, ApiKey, Caller, KeyId, KeyIdError, NotAllowed, Role, SecretHash};
pub use presentation::{guarded, permitted};
