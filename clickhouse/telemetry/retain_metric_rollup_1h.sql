-- The placeholder is the configured retention in seconds.
ALTER TABLE telemetryflow.metric_rollup_1h
    MODIFY TTL time + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
