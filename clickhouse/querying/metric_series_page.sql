-- Series of a metric that have points in the range, by id, a page at a time, with the time of the last of these points; each as
-- a JSON array. A point that ends a series (bit 0 of flags) is none. A metric may have been sent with several kinds.
-- No FINAL: a point that was stored twice has one time. Of the rows of a series the newest describes it.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    points.series_id AS id,
    formatRowNoNewline('JSONCompactEachRow',
        leftPad(lower(hex(id)), 16, '0'), kind, temporality, is_monotonic, unit, service,
        attributes, resource_attributes, (scope_name, scope_version, scope_attributes),
        concat(replaceOne(toString(last_point), ' ', 'T'), 'Z')) AS row
FROM
(
    SELECT series_id, max(time) AS last_point
    FROM
    (
        SELECT series_id, time
        FROM telemetryflow.metric_samples
        WHERE tenant = {tenant:String} AND metric = {metric:String} AND series_id >= {first:UInt64} AND bitAnd(flags, 1) = 0
            AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        UNION ALL
        SELECT series_id, time
        FROM telemetryflow.metric_histograms
        WHERE tenant = {tenant:String} AND metric = {metric:String} AND series_id >= {first:UInt64} AND bitAnd(flags, 1) = 0
            AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        UNION ALL
        SELECT series_id, time
        FROM telemetryflow.metric_exponential_histograms
        WHERE tenant = {tenant:String} AND metric = {metric:String} AND series_id >= {first:UInt64} AND bitAnd(flags, 1) = 0
            AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        UNION ALL
        SELECT series_id, time
        FROM telemetryflow.metric_summaries
        WHERE tenant = {tenant:String} AND metric = {metric:String} AND series_id >= {first:UInt64} AND bitAnd(flags, 1) = 0
            AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    )
    GROUP BY series_id
) AS points
INNER JOIN
(
    SELECT
        series_id,
        kind,
        temporality,
        is_monotonic,
        unit,
        service,
        attributes,
        resource_attributes,
        scope_name,
        scope_version,
        scope_attributes
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND series_id >= {first:UInt64}
        AND day >= toDate({first_day:UInt16})
        AND day <= toDate({last_day:UInt16})
        {{filter}}
    ORDER BY last_seen DESC
    LIMIT 1 BY series_id
) AS series ON points.series_id = series.series_id
ORDER BY id
LIMIT {limit:UInt64}
