-- The placeholder is the configured retention of points or of rollups in seconds, whichever is longer. A day later than that, since a row stands for a whole day.
ALTER TABLE telemetryflow.metric_series
    MODIFY TTL toDateTime(day) + toIntervalDay(1) + toIntervalSecond({{retention_seconds}})
    SETTINGS materialize_ttl_after_modify = 0
