-- Buckets of a metric with cumulative counters. Each series is turned into increments first, and only then are series
-- added up, since a sum of raw counters jumps whenever one of them restarts.
-- A counter restarted where its start moved past the previous point, or where its value fell: then the whole value is
-- the increment (unless the start is the point itself, which says that the true start is unknown).
-- The first point that is read has no increment, unless its series began within what was read.
-- Points before the range are read to find the previous value of the first point within it.
-- FINAL: a point that was stored twice is one, and the one stored last counts.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    labels,
    intDiv(toUnixTimestamp64Nano(time), {step:Int64}) AS bucket,
    count() AS points,
    countIf(isNotNull(part)) AS valued,
    ifNull(sum(part), 0) AS total,
    ifNull(min(part), nan) AS low,
    ifNull(max(part), nan) AS high,
    argMax(value, time) AS last,
    argMax(integer_rest, time) AS last_rest
FROM
(
    SELECT
        labels,
        time,
        value,
        integer_rest,
        if(NOT is_counter, toNullable(value),
            multiIf(
                place = 1, if(toUnixTimestamp64Nano(start_time) > 0 AND start_time >= fromUnixTimestamp64Nano({read_from:Int64}) AND start_time < time, value, NULL),
                value < previous OR (start_time >= previous_time AND start_time > previous_start), if(start_time = time, 0, value),
                value - previous)) AS part
    FROM
    (
        SELECT
            series_id,
            time,
            start_time,
            value,
            integer_rest,
            row_number() OVER in_series AS place,
            lagInFrame(value) OVER in_series AS previous,
            lagInFrame(time) OVER in_series AS previous_time,
            lagInFrame(start_time) OVER in_series AS previous_start
        FROM telemetryflow.metric_samples FINAL
        WHERE tenant = {tenant:String}
            AND metric = {metric:String}
            AND time >= fromUnixTimestamp64Nano({read_from:Int64})
            AND time < fromUnixTimestamp64Nano({end:Int64})
            AND bitAnd(flags, 1) = 0
        WINDOW in_series AS (PARTITION BY series_id ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ) AS samples
    INNER JOIN
    (
        SELECT
            series_id,
            any(is_monotonic AND temporality = 'cumulative') AS is_counter,
            any(arrayMap(name -> if(mapContains(attributes, name), attributes[name], resource_attributes[name]), {group_by:Array(String)})) AS labels
        FROM telemetryflow.metric_series
        WHERE tenant = {tenant:String}
            AND metric = {metric:String}
            AND day >= toDate(fromUnixTimestamp64Nano({read_from:Int64}, 'UTC'))
            AND day <= toDate(fromUnixTimestamp64Nano({end:Int64}, 'UTC'))
            {{filter}}
        GROUP BY series_id
    ) AS series ON samples.series_id = series.series_id
    WHERE time >= fromUnixTimestamp64Nano({start:Int64})
)
GROUP BY labels, bucket
ORDER BY labels, bucket
LIMIT {rows_max:UInt64}
