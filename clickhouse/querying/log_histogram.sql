-- How many records there were, by step of time and severity number.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
-- The stretches of five minutes are named, as a hint, and PREWHERE keeps the order of conditions: log_times.sql says why.
SELECT
    intDiv(toUnixTimestamp64Nano(Timestamp), {step:Int64}) AS bucket,
    toInt64(if(SeverityNumber BETWEEN 1 AND 24, intDiv(SeverityNumber + 3, 4), 0)) AS class,
    count() AS records
FROM telemetryflow.otel_logs
PREWHERE indexHint(
        toStartOfFiveMinutes(Timestamp) >= toStartOfFiveMinutes(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
        AND toStartOfFiveMinutes(Timestamp) <= toStartOfFiveMinutes(fromUnixTimestamp64Nano({end:Int64}, 'UTC')))
    {{filter}}
    AND Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
GROUP BY bucket, class
ORDER BY bucket, class
