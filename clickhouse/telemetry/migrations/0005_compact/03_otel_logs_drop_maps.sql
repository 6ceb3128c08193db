-- They come back under the same names, made of the texts.
ALTER TABLE telemetryflow.otel_logs
    DROP COLUMN IF EXISTS ResourceAttributes,
    DROP COLUMN IF EXISTS ScopeAttributes
    SETTINGS mutations_sync = 1
