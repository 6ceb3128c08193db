-- The series of a metric that lived on some days: which of them pass a filter, and by which labels they are grouped.
-- Those that do not pass are there, too, so that one which is missing is known to be new.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    series_id,
    toBool(any(if(kind = 'sum', is_monotonic AND temporality = 'cumulative', kind = 'summary' OR (kind != 'gauge' AND temporality = 'cumulative')))) AS is_cumulative,
    toBool(any(1 {{filter}})) AS passes,
    any(arrayMap(name -> if(mapContains(attributes, name), attributes[name], resource_attributes[name]), {group_by:Array(String)})) AS labels
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND day >= toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
    AND day <= toDate(fromUnixTimestamp64Nano({end:Int64}, 'UTC'))
GROUP BY series_id
LIMIT {rows_max:UInt64}
