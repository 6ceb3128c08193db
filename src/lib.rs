//! TelemetryFlow: OpenTelemetry in, ClickHouse inside, fast reads and alerts out. See ARCHITECTURE.md.

pub mod platform;
pub mod shared;
pub mod telemetry;
