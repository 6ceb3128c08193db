-- Which hours were calculated as a whole, and the newest block of metric_samples that was there before. At a start, an hour whose
-- days have a newer block is calculated again.
CREATE TABLE IF NOT EXISTS telemetryflow.rollup_state
(
    hour DateTime('UTC'),
    newest_block Int64,
    calculated_at DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY hour
SETTINGS
    ttl_only_drop_parts = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1
