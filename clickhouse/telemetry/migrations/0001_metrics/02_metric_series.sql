-- What the series of metric_samples are: one row per series and day, so that a query finds those that lived in its range.
-- Rows of the same series and day are merged, the last seen one stays (its description counts).
-- Tenant and metric first, since every query names them.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_series
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    series_id UInt64,
    day Date,
    -- Time of the point that brought the row, not of the last point of the day.
    last_seen DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    kind LowCardinality(String),
    temporality LowCardinality(String),
    is_monotonic Bool,
    unit LowCardinality(String),
    description String CODEC(ZSTD(1)),
    service LowCardinality(String),
    scope_name LowCardinality(String),
    scope_version LowCardinality(String),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(last_seen)
PARTITION BY day
ORDER BY (tenant, metric, series_id, day)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
