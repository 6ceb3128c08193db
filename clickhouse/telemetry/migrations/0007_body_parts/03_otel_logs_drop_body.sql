-- It comes back under the same name, made of its parts.
ALTER TABLE telemetryflow.otel_logs
    DROP COLUMN IF EXISTS Body
    SETTINGS mutations_sync = 1
