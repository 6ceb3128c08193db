-- In which stretch of time the spans of some traces began. Rows come when any of them is known.
SELECT
    toUnixTimestamp64Nano(min(Start)) AS first,
    toUnixTimestamp64Nano(max(End)) AS last
FROM telemetryflow.trace_index
WHERE Tenant = {tenant:String}
    AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
HAVING count() > 0
