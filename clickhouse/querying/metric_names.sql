-- Names to suggest when a metric is not known.
SELECT DISTINCT toString(metric) AS metric
FROM telemetryflow.metric_series
WHERE tenant = {tenant:String}
ORDER BY metric
LIMIT 10000
