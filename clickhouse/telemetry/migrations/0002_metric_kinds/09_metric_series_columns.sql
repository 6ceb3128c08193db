-- What else describes a series. None of it tells one from another, except the attributes of the scope.
ALTER TABLE telemetryflow.metric_series
    ADD COLUMN IF NOT EXISTS resource_schema_url LowCardinality(String),
    ADD COLUMN IF NOT EXISTS scope_schema_url LowCardinality(String),
    ADD COLUMN IF NOT EXISTS resource_dropped_attributes UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS scope_dropped_attributes UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS metadata Map(LowCardinality(String), String) CODEC(ZSTD(1))
