-- About how many points of a metric there are in a range, to read them in pieces: rows that replace each other count twice.
-- The placeholders are the name of one of the tables of points, and a condition on the series, or nothing.
SELECT count() AS points
FROM telemetryflow.{{table}}
WHERE tenant = {tenant:String}
    AND metric = {metric:String}
    AND time >= fromUnixTimestamp64Nano({start:Int64})
    AND time < fromUnixTimestamp64Nano({end:Int64})
    {{series}}
