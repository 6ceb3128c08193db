-- When the spans of a trace began: the first and the last of them, a row for each trace and batch, which merges reduce to a
-- row for each trace and day. A reader takes min(Start) and max(End) and then looks into that stretch of otel_traces only.
-- Ordered by tenant and trace, since it is asked for nothing else.
CREATE TABLE IF NOT EXISTS telemetryflow.trace_index
(
    Tenant LowCardinality(String),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    TraceId String ALIAS lower(hex(trace_id)),
    Start SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta, ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(Start)
ORDER BY (Tenant, trace_id)
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 10000
