-- metric_samples as it is from here on, under a name of its own until the rows are in it. An engine cannot be altered.
-- The same series and time twice is one point: of rows with the same key the one that was stored last stays. Merges do
-- that sooner or later, so every reader says FINAL.
-- Key, codecs and settings are those of version 1, for the same reasons.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_samples_replacing
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
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
