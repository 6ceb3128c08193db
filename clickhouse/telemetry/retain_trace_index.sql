-- The placeholder is the configured retention in seconds.
ALTER TABLE telemetryflow.trace_index
    MODIFY TTL toDateTime(End) + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
