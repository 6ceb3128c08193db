-- In which stretch of time the spans of some traces began. Rows come when any of them is known.
-- The placeholder says which traces, by one id or many: a set of one is dearer than a comparison.
SELECT
    toUnixTimestamp64Nano(min(Start)) AS first,
    toUnixTimestamp64Nano(max(End)) AS last
FROM telemetryflow.trace_index
WHERE Tenant = {tenant:String}
    AND {{which}}
HAVING count() > 0
