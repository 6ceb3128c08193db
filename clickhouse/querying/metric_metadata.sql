-- All that a metric was sent as, newest first: a row per kind, temporality and unit; each as a JSON array.
-- A series has a row per day, whose time is that of the point that brought it.
SELECT formatRowNoNewline('JSONCompactEachRow',
    kind, temporality, is_monotonic, unit,
    argMax(description, last_seen),
    arraySort(groupUniqArray(100)((toString(scope_name), toString(scope_version)))),
    arraySort(groupUniqArray(100)(toString(service))),
    toString(toUnixTimestamp64Nano(min(last_seen))),
    toString(toUnixTimestamp64Nano(max(last_seen))),
    toString(uniqExact(series_id)),
    toString(uniqExactArray(mapKeys(attributes))),
    toString(uniqExactArray(mapKeys(resource_attributes)))) AS described
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String} AND metric = {metric:String}
GROUP BY kind, temporality, is_monotonic, unit
ORDER BY max(last_seen) DESC, kind, temporality, is_monotonic, unit
LIMIT {limit:UInt64}
