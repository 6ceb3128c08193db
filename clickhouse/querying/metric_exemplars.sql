-- Exemplars of points in the range, newest first, a page at a time; each as a JSON array. Its time is its own, else that of its
-- point. Its place among those of the same time is a hash of its point and its number there.
-- FINAL: a point that was sent again replaced its exemplars.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    toUnixTimestamp64Nano(moment) AS at,
    exemplars.tie AS tie,
    formatRowNoNewline('JSONCompactEachRow',
        concat(replaceOne(toString(moment), ' ', 'T'), 'Z'),
        is_integer,
        if(is_integer, toString(toInt128(number) + toInt128(rest)), toString(number)),
        if(trace_id = toFixedString('', 16), '', lower(hex(trace_id))),
        if(span_id = toFixedString('', 8), '', lower(hex(span_id))),
        own,
        leftPad(lower(hex(exemplars.series_id)), 16, '0'), service, attributes, resource_attributes,
        (scope_name, scope_version, scope_attributes)) AS row
FROM
(
    SELECT
        series_id,
        if(toUnixTimestamp64Nano(exemplar_time) = 0, time, exemplar_time) AS moment,
        number,
        rest,
        is_integer,
        trace_id,
        span_id,
        own,
        cityHash64(series_id, time, place) AS tie
    FROM telemetryflow.metric_exemplars FINAL
    ARRAY JOIN
        exemplar_times AS exemplar_time,
        values AS number,
        integer_rests AS rest,
        are_integers AS is_integer,
        trace_ids AS trace_id,
        span_ids AS span_id,
        attributes AS own,
        arrayEnumerate(values) AS place
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
        AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        AND (toUnixTimestamp64Nano(moment), tie) < ({after_time:Int64}, {after_tie:UInt64})
) AS exemplars
INNER JOIN
(
    SELECT series_id, service, attributes, resource_attributes, scope_name, scope_version, scope_attributes
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND metric = {metric:String}
        AND day >= toDate({first_day:UInt16})
        AND day <= toDate({last_day:UInt16})
        {{filter}}
    ORDER BY last_seen DESC
    LIMIT 1 BY series_id
) AS series ON exemplars.series_id = series.series_id
ORDER BY at DESC, tie DESC
LIMIT {limit:UInt64}
