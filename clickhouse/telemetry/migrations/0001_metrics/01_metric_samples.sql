-- Number points, one row each, and nothing else: what a series is stands in metric_series.
-- Tenant and metric first, since every query names them; then series and time, so that a series lies together in the
-- order in which rates are computed, and times and values compress against their neighbours.
-- The fsync settings keep an acknowledged insert through a power loss; without them a lost part and a kept
-- deduplication token would lose data silently. The window lets a retry with the same token be recognised.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_samples
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- Start of the reported interval; 1970 where the sender did not say.
    start_time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- NaN in rows that end a series (bit 0 of flags).
    value Float64 CODEC(Gorilla, ZSTD(1)),
    -- What the nearest double misses of an integer beyond 2^53; else 0, which costs nothing.
    integer_rest Int16 CODEC(ZSTD(1)),
    is_integer Bool CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    -- The exact integer of an integer point.
    integer Nullable(Int64) ALIAS if(is_integer, toInt64(toInt128(value) + toInt128(integer_rest)), NULL)
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
