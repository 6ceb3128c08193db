-- Points of summaries, one row each; what a series is stands in metric_series.
-- Key, engine and settings are those of metric_samples, for the same reasons.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_summaries
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- Start of the reported interval; 1970 where the sender did not say.
    start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- Bit 0: the series ends here, and the rest of the row says nothing.
    flags UInt32 CODEC(ZSTD(1)),
    count UInt64 CODEC(ZSTD(1)),
    sum Float64 CODEC(ZSTD(1)),
    -- From 0 to 1, and beside them the values below which these parts of all values lie.
    quantiles Array(Float64) CODEC(ZSTD(1)),
    quantile_values Array(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
