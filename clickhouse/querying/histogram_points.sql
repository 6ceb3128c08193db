-- Points of histograms with explicit bounds, as number_points.sql reads numbers. NaN stands for what was not sent.
SELECT
    series_id,
    toUnixTimestamp64Nano(time) AS at,
    toUnixTimestamp64Nano(start_time) AS start,
    count AS observations,
    ifNull(sum, nan) AS total,
    ifNull(min, nan) AS low,
    ifNull(max, nan) AS high,
    bucket_counts,
    bounds
FROM telemetryflow.metric_histograms FINAL
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    AND bitAnd(flags, 1) = 0
    {{series}}
LIMIT {rows_max:UInt64}
