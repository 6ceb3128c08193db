-- The metrics of a tenant by name, a page at a time.
SELECT
    metric,
    toString(argMax(kind, last_seen)) AS kind,
    toString(argMax(temporality, last_seen)) AS temporality,
    argMax(is_monotonic, last_seen) AS is_monotonic,
    toString(argMax(unit, last_seen)) AS unit,
    argMax(description, last_seen) AS description,
    arrayStringConcat(arraySort(groupUniqArray(100)(toString(service))), '\0') AS services,
    uniqExact(series_id) AS series_count,
    toUnixTimestamp64Nano(max(last_seen)) AS row_seen
FROM
(
    SELECT
        toString(metric) AS metric,
        kind,
        temporality,
        is_monotonic,
        unit,
        description,
        service,
        series_id,
        last_seen
    FROM telemetryflow.metric_series
    WHERE tenant = {tenant:String}
        AND metric > {after:String}
        AND ({search:String} = '' OR positionCaseInsensitiveUTF8(toString(metric), {search:String}) > 0)
        AND ({service:String} = '' OR service = {service:String})
)
GROUP BY metric
ORDER BY metric
LIMIT {limit:UInt64}
