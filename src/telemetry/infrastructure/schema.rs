//! The tables that telemetry owns, as numbered migrations.

use std::time::Duration;

use crate::platform::clickhouse::migrations::Migration;
use crate::platform::clickhouse::{Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "metrics",
    statements: &[
        include_str!("../../../clickhouse/telemetry/migrations/0001_metrics/01_metric_samples.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0001_metrics/02_metric_series.sql"),
    ],
}];

const RETAIN: [&str; 2] = [
    include_str!("../../../clickhouse/telemetry/retain_metric_samples.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_series.sql"),
];

/// Sets how long metrics are kept.
pub fn retain_metrics(store: &dyn Store, retention: Duration) -> Result<(), StoreError> {
    let seconds = retention.as_secs().to_string();
    RETAIN
        .iter()
        .try_for_each(|statement| store.execute(&statement.replace("{{retention_seconds}}", &seconds)))
}
