-- The spans that a rule looks at and that ended within a stretch of time, in order of their ends, with the labels that it asks for
-- as JSON: a text each, or null. A span that began before {first} is overlooked.
-- FINAL: a span that was sent twice is one, and the one stored last counts.
-- The placeholders hold the labels and terms of the filter, built from fixed fragments with bound values.
SELECT
    toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS at,
    Duration AS duration,
    formatRowNoNewline('JSONCompactEachRow', ''{{labels}}) AS row
FROM telemetryflow.otel_traces FINAL
WHERE Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    AND at >= {start:Int64}
    AND at < {end:Int64}
    {{filter}}
ORDER BY at
LIMIT {rows_max:UInt64}
