-- How far apart the points of a series of a metric lie, in nanoseconds: of the series with the most points among the first
-- that are found. No row if no series has two points.
-- The placeholder is the name of one of the tables of points.
SELECT intDiv(toUnixTimestamp64Nano(max(time)) - toUnixTimestamp64Nano(min(time)), toInt64(count()) - 1) AS nanos
FROM
(
    SELECT series_id, time
    FROM telemetryflow.{{table}} FINAL
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND time >= fromUnixTimestamp64Nano({start:Int64})
    LIMIT 5000
)
GROUP BY series_id
HAVING count() > 1
ORDER BY count() DESC
LIMIT 1
