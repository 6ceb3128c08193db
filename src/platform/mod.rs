//! Mechanism without business words. Any context's infrastructure and presentation may use it; it uses only `shared`.

pub mod clickhouse;
pub mod clock;
pub mod cpu_pool;
pub mod event_bus;
pub mod health;
pub mod http;
pub mod journal;
pub mod lifecycle;
pub mod log_level;
pub mod logging;
pub mod nodes;
pub mod outgoing;
pub mod own_telemetry;
pub mod redis;
pub mod resilience;
pub mod state;
pub mod tls;
