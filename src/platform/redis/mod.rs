//! Redis, where several nodes work over one store: it may be away, slow, flushed or out of its mind at any time.
//!
//! Whoever calls waits no longer than [`OPERATION_TIME_MAX`], and not at all once the breaker is open. What comes back is bytes from
//! outside: callers check it.

mod address;
mod client;
mod connection;
mod counters;
pub mod exchange;

pub use address::{RedisAddress, RedisAddressError};
pub use client::{CallError, Caller, OPERATION_TIME_MAX, RedisClient};
pub use connection::{RedisOptions, SetupError};
pub use counters::{Operation, RedisCounters};
