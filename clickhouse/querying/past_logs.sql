-- The log records that a rule looks at, in order of time, with the labels that it asks for as JSON: a text each, or null.
-- The placeholders hold the labels and terms of the filter, built from fixed fragments with bound values.
-- The stretches of five minutes are named, as a hint: log_times.sql says why.
SELECT
    toUnixTimestamp64Nano(Timestamp) AS at,
    formatRowNoNewline('JSONCompactEachRow', ''{{labels}}) AS row
FROM telemetryflow.otel_logs
WHERE Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    AND indexHint(
        toStartOfFiveMinutes(Timestamp) >= toStartOfFiveMinutes(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
        AND toStartOfFiveMinutes(Timestamp) <= toStartOfFiveMinutes(fromUnixTimestamp64Nano({end:Int64}, 'UTC')))
    {{filter}}
ORDER BY at
LIMIT {rows_max:UInt64}
