//! What keeps a fault of something that we depend on from becoming ours.

mod breaker;

pub use breaker::{BreakerOptions, BreakerState, CircuitBreaker, Open, Permit};
