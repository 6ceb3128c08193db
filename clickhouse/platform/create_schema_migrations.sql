-- One row per migration that was applied. An older binary finds a newer version here and refuses to start.
-- Ordered by version, since that is all that is ever asked.
CREATE TABLE IF NOT EXISTS telemetryflow.schema_migrations
(
    version UInt32,
    name String,
    applied_at DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
