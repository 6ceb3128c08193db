-- The series of a metric that lived on some days: which of them pass a filter, and by which labels they are grouped.
-- Those that do not pass are there, too, so that one which is missing is known to be new.
-- The placeholders hold terms of the filter and the labels to group by, built from fixed fragments with bound values. Labels are
-- written out one by one: a lambda over their names copies both maps for each row, and takes five times as long.
SELECT
    series_id,
    toBool(any(if(kind = 'sum', is_monotonic AND temporality = 'cumulative', kind = 'summary' OR (kind != 'gauge' AND temporality = 'cumulative')))) AS is_cumulative,
    toBool(any(1 {{filter}})) AS passes,
    any(CAST([{{labels}}] AS Array(String))) AS labels
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND day >= toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
    AND day <= toDate(fromUnixTimestamp64Nano({end:Int64}, 'UTC'))
GROUP BY series_id
LIMIT {rows_max:UInt64}
