-- Points of gauges and sums, as they are: buckets are made of them by src/querying/domain. In the order of the key, but for
-- parts of the range that are read at once.
-- FINAL: a point that was stored twice is one, and the one stored last counts. Rows with bit 0 of flags are gaps.
-- The placeholder is empty, or a condition on the series.
SELECT
    series_id,
    toUnixTimestamp64Nano(time) AS at,
    toUnixTimestamp64Nano(start_time) AS start,
    value,
    integer_rest
FROM telemetryflow.metric_samples FINAL
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    AND bitAnd(flags, 1) = 0
    {{series}}
LIMIT {rows_max:UInt64}
