-- The placeholder is the configured retention in seconds.
ALTER TABLE telemetryflow.rollup_state
    MODIFY TTL hour + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
