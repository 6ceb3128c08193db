-- What the number points of a series say in each five minutes: one row per series and bucket, made from metric_samples when an hour
-- has ended, and again when late points came. Of rows with the same key the one that was stored last stays, so every reader
-- says FINAL, and `points > 0`: where a point became the end of its series (bit 0 of flags), a bucket may have lost all of them.
-- Tenant and metric first, since every query names them; then series and time, as in metric_samples. No deduplication window: the
-- same rows may come back after others.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_rollup_5m
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    -- Start of the bucket.
    time DateTime('UTC') CODEC(DoubleDelta, LZ4),
    points UInt64 CODEC(T64, LZ4),
    -- Points that say something: all of a level; of a cumulative counter those whose increase is known.
    valued UInt64 CODEC(T64, LZ4),
    -- Sum, least and greatest of the values, or of a cumulative counter's increases; low and high are NaN where valued is 0.
    total Float64 CODEC(ZSTD(1)),
    low Float64 CODEC(ZSTD(1)),
    high Float64 CODEC(ZSTD(1)),
    -- A cumulative counter's increase at the first point of the bucket, where that is known by looking back an hour, and not by looking
    -- back 15 minutes as the columns above do.
    resumed Nullable(Float64) CODEC(ZSTD(1)),
    -- The last point as it is stored, with what its nearest double misses of an integer.
    last Float64 CODEC(ZSTD(1)),
    last_rest Int16 CODEC(LZ4),
    last_time DateTime64(9, 'UTC') CODEC(DoubleDelta, LZ4)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1
