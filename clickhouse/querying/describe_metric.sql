-- What a metric is, newest description first, of those as new numbers before distributions: one row per kind, temporality and unit under which it was sent.
SELECT
    toString(kind) AS kind,
    toString(temporality) AS temporality,
    is_monotonic,
    toString(unit) AS unit,
    argMax(description, last_seen) AS description
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String} AND metric = {metric:String}
GROUP BY kind, temporality, is_monotonic, unit
ORDER BY max(last_seen) DESC, kind IN ('gauge', 'sum') DESC, kind
