//! Telemetry: receives OpenTelemetry signals, checks them, and brings them into the store. Owns every INSERT.

pub mod application;
pub mod domain;
pub mod infrastructure;
pub mod presentation;
