-- The newest migration that was applied; 0 if there is none.
SELECT max(version) AS version FROM telemetryflow.schema_migrations
