-- The hours that were calculated, in seconds, and the newest block then.
SELECT toInt64(hour) AS hour_seconds, newest_block
FROM telemetryflow.rollup_state FINAL
WHERE hour >= toDateTime({from:Int64}, 'UTC')
