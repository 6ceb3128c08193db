-- Traces with a span that passes the filter, each at the newest of these spans; the newest traces of a stretch of time that
-- are behind the cursor. Spans that were sent twice do no harm here: what is found is looked at again (trace_summaries.sql).
-- The placeholder holds terms of the filter, built from fixed fragments with bound values.
SELECT
    lower(hex(trace_id)) AS id,
    toUnixTimestamp64Nano(max(Timestamp)) AS at
FROM telemetryflow.otel_traces
WHERE Tenant = {tenant:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    {{filter}}
GROUP BY trace_id
HAVING at < {before:Int64} OR (at = {before:Int64} AND id < {before_id:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt64}
