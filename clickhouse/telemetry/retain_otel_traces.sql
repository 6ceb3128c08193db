-- The placeholder is the configured retention in seconds.
ALTER TABLE telemetryflow.otel_traces
    MODIFY TTL toDateTime(Timestamp) + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
