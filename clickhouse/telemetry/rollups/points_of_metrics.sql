-- As points_of_hour.sql, of some metrics.
SELECT toString(tenant) AS tenant_id, toString(metric) AS name, count() AS points
FROM telemetryflow.metric_samples
WHERE time >= fromUnixTimestamp64Nano({read_from:Int64}, 'UTC')
    AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    AND (tenant, metric) IN (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)})))
GROUP BY tenant, metric
ORDER BY tenant, metric
