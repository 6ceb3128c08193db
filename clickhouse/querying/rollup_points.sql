-- What series say in each bucket of a rollup, as number_points.sql reads points.
-- FINAL: of an hour that was calculated again the rows that were stored last count. A bucket without points has lost them.
-- The placeholders are the name of one of the tables of rollups, and a condition on the series, or nothing.
SELECT
    series_id,
    toInt64(toUnixTimestamp(time)) * 1000000000 AS at,
    points AS points_of,
    valued,
    total,
    low,
    high,
    last,
    last_rest,
    toUnixTimestamp64Nano(last_time) AS last_at
FROM telemetryflow.{{table}} FINAL
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    AND points > 0
    {{series}}
LIMIT {rows_max:UInt64}
