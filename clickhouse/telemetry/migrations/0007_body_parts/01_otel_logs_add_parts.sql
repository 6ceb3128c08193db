-- A body is what it shares with others, once per part in a dictionary, and those of its words that differ: a fifth of the bytes to
-- compress at each insert and each merge, and for a search to look at. `src/shared/body_parts.rs` says what a value is.
ALTER TABLE telemetryflow.otel_logs
    ADD COLUMN IF NOT EXISTS body_template LowCardinality(String) CODEC(LZ4) AFTER ServiceName,
    ADD COLUMN IF NOT EXISTS body_values String CODEC(ZSTD(1)) AFTER body_template
