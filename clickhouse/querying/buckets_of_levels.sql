-- Buckets of a metric none of whose series is a cumulative counter: values are read as they are.
-- FINAL: a point that was stored twice is one, and the one stored last counts.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    labels,
    bucket,
    sum(series_points) AS points,
    points AS valued,
    sum(series_total) AS total,
    min(series_low) AS low,
    max(series_high) AS high,
    argMax(series_last, last_time) AS last,
    argMax(series_last_rest, last_time) AS last_rest
FROM
(
    SELECT
        series_id,
        intDiv(toUnixTimestamp64Nano(time), {step:Int64}) AS bucket,
        count() AS series_points,
        sum(value) AS series_total,
        min(value) AS series_low,
        max(value) AS series_high,
        argMax(value, time) AS series_last,
        argMax(integer_rest, time) AS series_last_rest,
        max(time) AS last_time
    FROM telemetryflow.metric_samples FINAL
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND time >= fromUnixTimestamp64Nano({start:Int64})
        AND time < fromUnixTimestamp64Nano({end:Int64})
        AND bitAnd(flags, 1) = 0
    GROUP BY series_id, bucket
) AS samples
INNER JOIN
(
    SELECT
        series_id,
        any(arrayMap(name -> if(mapContains(attributes, name), attributes[name], resource_attributes[name]), {group_by:Array(String)})) AS labels
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND day >= toDate(fromUnixTimestamp64Nano({start:Int64}, 'UTC'))
        AND day <= toDate(fromUnixTimestamp64Nano({end:Int64}, 'UTC'))
        {{filter}}
    GROUP BY series_id
) AS series ON samples.series_id = series.series_id
GROUP BY labels, bucket
ORDER BY labels, bucket
LIMIT {rows_max:UInt64}
