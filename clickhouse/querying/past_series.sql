-- The series of a metric that lived on some days, with what tells them apart, as JSON: rules are evaluated on their past.
SELECT
    series_id,
    formatRowNoNewline('JSONCompactEachRow', any(kind), any(temporality), any(is_monotonic), any(attributes), any(resource_attributes)) AS row
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND day >= toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
    AND day <= toDate(fromUnixTimestamp64Nano({end:Int64}, 'UTC'))
GROUP BY series_id
LIMIT {rows_max:UInt64}
