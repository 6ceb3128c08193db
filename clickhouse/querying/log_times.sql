-- When the first records of a stretch of time were made: what a page of them needs, from a few narrow columns.
-- The placeholders hold terms of the filter, and the direction, built from fixed fragments with bound values.
-- The stretches of five minutes are named because the engine does not derive them from the times, and reads all of a day else;
-- as a hint, since computing them for each row takes as long as all other narrow columns.
-- PREWHERE, as the conditions are in order: the engine would put bodies together before it looks at their parts. Tenant and time come
-- last: the key leaves few rows of others, and where the filter lets nothing pass, these columns are not read.
SELECT toUnixTimestamp64Nano(Timestamp) AS at
FROM telemetryflow.otel_logs
PREWHERE indexHint(
        toStartOfFiveMinutes(Timestamp) >= toStartOfFiveMinutes(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
        AND toStartOfFiveMinutes(Timestamp) <= toStartOfFiveMinutes(fromUnixTimestamp64Nano({end:Int64}, 'UTC')))
    {{filter}}
    AND Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
ORDER BY at {{direction}}
LIMIT {limit:UInt64}
