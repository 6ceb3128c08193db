-- The placeholder is the configured retention in seconds.
ALTER TABLE telemetryflow.metric_histograms
    MODIFY TTL toDateTime(time) + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
