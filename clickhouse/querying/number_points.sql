-- Points of gauges and sums, as they are: buckets are made of them by src/querying/domain. Each part of the table in the order of
-- the key, in pieces, in any order of these.
-- Without FINAL, which takes three times as long as all the rest: a point that was stored twice comes twice, and the reader
-- keeps the one stored last, which is the one in the later part, and the later one within it. Gaps come, too, since they
-- may replace points.
-- The placeholders are the start, or nothing where no series is compared with the point before; and nothing, or a condition on
-- the series.
SELECT
    series_id,
    toUnixTimestamp64Nano(time) AS at,
    {{start}}
    value,
    integer_rest,
    toBool(bitAnd(flags, 1)) AS is_gap,
    toUInt32(_part_index) AS part
FROM telemetryflow.metric_samples
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    {{series}}
LIMIT {rows_max:UInt64}
