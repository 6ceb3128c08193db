-- Points of summaries, as number_points.sql reads numbers. Their quantiles cannot be put together and are not read.
SELECT
    series_id,
    toUnixTimestamp64Nano(time) AS at,
    toUnixTimestamp64Nano(start_time) AS start,
    count AS observations,
    sum AS total
FROM telemetryflow.metric_summaries FINAL
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    AND bitAnd(flags, 1) = 0
    {{series}}
LIMIT {rows_max:UInt64}
