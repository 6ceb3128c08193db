//! TelemetryFlow: OpenTelemetry in, ClickHouse inside, fast reads and alerts out. See ARCHITECTURE.md.

pub mod alerting;
pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod platform;
pub mod querying;
pub mod shared;
pub mod telemetry;
pub mod tenancy;
