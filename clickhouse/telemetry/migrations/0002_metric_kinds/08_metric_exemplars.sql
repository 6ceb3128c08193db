-- Exemplars of points of all kinds, in arrays: one row per point that has some, found by the key of the point. So a point
-- that is sent again replaces its exemplars too.
-- Key, engine and settings are those of metric_samples, for the same reasons.
CREATE TABLE IF NOT EXISTS telemetryflow.metric_exemplars
(
    tenant LowCardinality(String),
    metric LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    -- 1970 where the sender did not say.
    exemplar_times Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    values Array(Float64) CODEC(ZSTD(1)),
    -- As in metric_samples.
    integer_rests Array(Int16) CODEC(ZSTD(1)),
    are_integers Array(Bool) CODEC(ZSTD(1)),
    -- Zeros where there is none.
    trace_ids Array(FixedString(16)) CODEC(ZSTD(1)),
    span_ids Array(FixedString(8)) CODEC(ZSTD(1)),
    -- What the attributes of the point do not say.
    attributes Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (tenant, metric, series_id, time)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
