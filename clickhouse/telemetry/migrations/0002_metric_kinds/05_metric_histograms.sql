-- Points of histograms with explicit bounds, one row each; what a series is stands in metric_series.
-- Key, engine and settings are those of metric_samples, for the same reasons.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_histograms
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
    -- NULL where the sender did not say: absent is not 0.
    sum Nullable(Float64) CODEC(ZSTD(1)),
    min Nullable(Float64) CODEC(ZSTD(1)),
    max Nullable(Float64) CODEC(ZSTD(1)),
    -- One more than bounds, or both empty.
    bucket_counts Array(UInt64) CODEC(ZSTD(1)),
    -- They hardly ever change within a series, and compress to almost nothing.
    bounds Array(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
