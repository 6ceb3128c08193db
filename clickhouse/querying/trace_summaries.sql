-- These traces, each as a JSON array, and the newest of its spans that pass the filter. All spans of theirs began from `first` to
-- `last`; the search is for spans from `start` to `end`.
-- FINAL and PREWHERE as in trace_spans.sql.
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    lower(hex(trace_id)) AS id,
    toUnixTimestamp64Nano(maxIf(Timestamp,
        Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
        {{filter}})) AS at,
    countIf(is_root) AS roots,
    formatRowNoNewline('JSONCompactEachRow',
        id,
        if(roots = 0, NULL, toString(argMinIf(ServiceName, Timestamp, is_root))),
        if(roots = 0, NULL, toString(argMinIf(SpanName, Timestamp, is_root))),
        concat(replaceOne(toString(min(Timestamp)), ' ', 'T'), 'Z'),
        toString(toUnixTimestamp64Nano(min(Timestamp))),
        toString(max(toUInt64(toUnixTimestamp64Nano(Timestamp)) + Duration) - toUInt64(toUnixTimestamp64Nano(min(Timestamp)))),
        toString(count()),
        toString(countIf(StatusNumber = 2)),
        arraySort(groupUniqArray(100)(toString(ServiceName)))) AS trace
FROM
(
    SELECT *, parent_span_id = toFixedString('', 8) AS is_root
    FROM telemetryflow.otel_traces FINAL
    PREWHERE Tenant = {tenant:String}
        AND Timestamp >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
        AND Timestamp <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
        AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
)
GROUP BY trace_id
