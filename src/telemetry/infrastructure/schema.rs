//! The tables that telemetry owns, as numbered migrations.

use std::time::Duration;

use crate::platform::clickhouse::migrations::Migration;
use crate::platform::clickhouse::{Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[METRICS, METRIC_KINDS, LOGS, TRACES, COMPACT, ROLLUPS, BODY_PARTS];

const CREATE_FIRST_SAMPLES: &str =
    include_str!("../../../clickhouse/telemetry/migrations/0001_metrics/01_metric_samples.sql");

const METRICS: Migration = Migration {
    version: 1,
    name: "metrics",
    statements: &[
        CREATE_FIRST_SAMPLES,
        include_str!("../../../clickhouse/telemetry/migrations/0001_metrics/02_metric_series.sql"),
    ],
};

const METRIC_KINDS: Migration = Migration {
    version: 2,
    name: "metric_kinds",
    statements: &[
        // A crash may have come after this table was dropped, and before the new one got its name.
        CREATE_FIRST_SAMPLES,
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/01_metric_samples_replacing.sql"
        ),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/02_attach_metric_samples.sql"
        ),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/03_drop_metric_samples.sql"),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/04_rename_metric_samples.sql"
        ),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/05_metric_histograms.sql"),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/06_metric_exponential_histograms.sql"
        ),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/07_metric_summaries.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/08_metric_exemplars.sql"),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/09_metric_series_columns.sql"
        ),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/10_otel_metrics_gauge.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0002_metric_kinds/11_otel_metrics_sum.sql"),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/12_otel_metrics_histogram.sql"
        ),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/13_otel_metrics_exponential_histogram.sql"
        ),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0002_metric_kinds/14_otel_metrics_summary.sql"
        ),
    ],
};

const LOGS: Migration = Migration {
    version: 3,
    name: "logs",
    statements: &[include_str!("../../../clickhouse/telemetry/migrations/0003_logs/01_otel_logs.sql")],
};

const TRACES: Migration = Migration {
    version: 4,
    name: "traces",
    statements: &[
        include_str!("../../../clickhouse/telemetry/migrations/0004_traces/01_otel_traces.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0004_traces/02_trace_index.sql"),
    ],
};

const ALIAS_LOGS: &str =
    include_str!("../../../clickhouse/telemetry/migrations/0005_compact/04_otel_logs_alias_maps.sql");

const ALIAS_TRACES: &str =
    include_str!("../../../clickhouse/telemetry/migrations/0005_compact/08_otel_traces_alias_maps.sql");

/// Less to write at each insert and each merge.
const COMPACT: Migration = Migration {
    version: 5,
    name: "compact",
    statements: &[
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/01_otel_logs_add_origins.sql"),
        // A crash may have come after the maps were dropped, and before they came back.
        ALIAS_LOGS,
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/02_otel_logs_fill_origins.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/03_otel_logs_drop_maps.sql"),
        ALIAS_LOGS,
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/05_otel_traces_add_origins.sql"),
        // A crash may have come after the maps were dropped, and before they came back.
        ALIAS_TRACES,
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/06_otel_traces_fill_origins.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/07_otel_traces_drop_maps.sql"),
        ALIAS_TRACES,
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/09_metric_samples_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/10_metric_series_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/11_metric_histograms_parts.sql"),
        include_str!(
            "../../../clickhouse/telemetry/migrations/0005_compact/12_metric_exponential_histograms_parts.sql"
        ),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/13_metric_summaries_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/14_metric_exemplars_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/15_otel_logs_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/16_otel_traces_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/17_trace_index_parts.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/18_metric_samples_codecs.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/19_otel_logs_codecs.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0005_compact/20_otel_traces_codecs.sql"),
    ],
};

const ROLLUPS: Migration = Migration {
    version: 6,
    name: "rollups",
    statements: &[
        include_str!("../../../clickhouse/telemetry/migrations/0006_rollups/01_metric_rollup_5m.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0006_rollups/02_metric_rollup_1h.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0006_rollups/03_rollup_state.sql"),
    ],
};

const ALIAS_BODY: &str =
    include_str!("../../../clickhouse/telemetry/migrations/0007_body_parts/04_otel_logs_alias_body.sql");

/// Less of a log record to compress, and to search.
const BODY_PARTS: Migration = Migration {
    version: 7,
    name: "body_parts",
    statements: &[
        include_str!("../../../clickhouse/telemetry/migrations/0007_body_parts/01_otel_logs_add_parts.sql"),
        // A crash may have come after the body was dropped, and before it came back.
        ALIAS_BODY,
        include_str!("../../../clickhouse/telemetry/migrations/0007_body_parts/02_otel_logs_fill_values.sql"),
        include_str!("../../../clickhouse/telemetry/migrations/0007_body_parts/03_otel_logs_drop_body.sql"),
        ALIAS_BODY,
    ],
};

const RETAIN_METRICS: [&str; 5] = [
    include_str!("../../../clickhouse/telemetry/retain_metric_samples.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_histograms.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_exponential_histograms.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_summaries.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_exemplars.sql"),
];
const RETAIN_SERIES: [&str; 1] = [include_str!("../../../clickhouse/telemetry/retain_metric_series.sql")];
const RETAIN_ROLLUPS: [&str; 3] = [
    include_str!("../../../clickhouse/telemetry/retain_metric_rollup_5m.sql"),
    include_str!("../../../clickhouse/telemetry/retain_metric_rollup_1h.sql"),
    include_str!("../../../clickhouse/telemetry/retain_rollup_state.sql"),
];
const RETAIN_LOGS: [&str; 1] = [include_str!("../../../clickhouse/telemetry/retain_otel_logs.sql")];
const RETAIN_TRACES: [&str; 2] = [
    include_str!("../../../clickhouse/telemetry/retain_otel_traces.sql"),
    include_str!("../../../clickhouse/telemetry/retain_trace_index.sql"),
];

/// Sets how long points of metrics and their rollups are kept. What the series are is kept as long as either.
pub fn retain_metrics(store: &dyn Store, points: Duration, rollups: Duration) -> Result<(), StoreError> {
    retain(store, &RETAIN_METRICS, points)?;
    retain(store, &RETAIN_SERIES, points.max(rollups))?;
    retain(store, &RETAIN_ROLLUPS, rollups)
}

/// Sets how long log records are kept.
pub fn retain_logs(store: &dyn Store, retention: Duration) -> Result<(), StoreError> {
    retain(store, &RETAIN_LOGS, retention)
}

/// Sets how long spans are kept.
pub fn retain_traces(store: &dyn Store, retention: Duration) -> Result<(), StoreError> {
    retain(store, &RETAIN_TRACES, retention)
}

fn retain(store: &dyn Store, statements: &[&str], retention: Duration) -> Result<(), StoreError> {
    let seconds = retention.as_secs().to_string();
    statements
        .iter()
        .try_for_each(|statement| store.execute(&statement.replace("{{retention_seconds}}", &seconds)))
}
